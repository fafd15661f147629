"""The temperature of InfoNCE."""

PAPER_TEMPERATURE = 0.1
