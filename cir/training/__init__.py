"""Training: our two stages on cached features, and the paper's loop on sound."""
