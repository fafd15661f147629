"""What an instrument is: families, catalogue, note bank."""
