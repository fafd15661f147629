"""Families, the catalogue, splits and note banks."""
