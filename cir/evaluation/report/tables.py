"""Results as Markdown tables, for a terminal or a `.md` file without pictures."""

from collections.abc import Sequence

from cir.evaluation.report.blocks import to_plain_markdown
from cir.evaluation.report.documents import Result, check_results
from cir.evaluation.report.sections import table_sections


def to_markdown(results: Sequence[Result]) -> str:
    """Lay out results of any protocols, those on the same queries beside each other.

    Raises:
        InputError: There is no result, or one that no table can be made of.
    """
    check_results(results)
    return to_plain_markdown(table_sections(results))
