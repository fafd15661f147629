"""Scripts that make the bundled sounds and the generated blocks of the pages; not in the wheel."""
