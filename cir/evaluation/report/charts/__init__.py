"""The pictures of the page: each makes one Matplotlib figure of plain values."""
