"""Metrics and protocols of the paper, and the report."""
