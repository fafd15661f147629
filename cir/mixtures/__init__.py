"""Mixtures of instruments: a seed becomes a plan, a plan becomes sound."""
