"""The Timbre map tab."""
