"""Contrastive losses: pure functions of embeddings."""
