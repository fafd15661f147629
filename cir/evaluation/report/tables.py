"""Results as Markdown tables, for a terminal or a file without charts."""

from collections.abc import Sequence

from cir.evaluation.report.blocks import to_plain_markdown
from cir.evaluation.report.documents import Result, check_results
from cir.evaluation.report.sections import table_sections


def to_markdown(results: Sequence[Result]) -> str:
    """Lay out results of any protocols, one table for each set of queries.

    Raises:
        InputError: As `check_results`.
    """
    check_results(results)
    return to_plain_markdown(table_sections(results))
