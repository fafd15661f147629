"""Makers of assets that the package carries; not part of the wheel."""
