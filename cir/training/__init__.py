"""The contrastive training loop."""
