"""The server behind the page: who may ask what, how much, and what is cleaned up."""
