"""Methods to beat."""
