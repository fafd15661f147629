"""Charts of a report: each module draws one Matplotlib figure from plain values."""
