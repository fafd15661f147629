"""A library of one's own: sounds, sound fonts and presets read, embedded and kept."""
