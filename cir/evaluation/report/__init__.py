"""What was measured, as tables for a terminal, as JSON, as a page, and for the model card."""
