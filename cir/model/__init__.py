"""The encoder: one timbre space for single instruments and mixtures."""
