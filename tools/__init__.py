"""Scripts that make the assets of the package; not part of the wheel."""
