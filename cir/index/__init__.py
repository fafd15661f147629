"""Databases of instrument embeddings."""
