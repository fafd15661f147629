"""Mixtures of instruments: a seed gives a plan, a plan is rendered as sound."""
