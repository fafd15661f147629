"""Notebooks that teach, and what makes their pages."""
