"""What was measured, as tables for a terminal, as JSON, as a page, and for the model card."""

from cir.evaluation.report.documents import from_json, to_json
from cir.evaluation.report.tables import to_markdown

__all__ = ["from_json", "to_json", "to_markdown"]
