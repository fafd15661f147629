"""Sharing of an answer: a link that opens it again, and an image of it."""
