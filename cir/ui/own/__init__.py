"""The Your sounds tab."""
