"""The report: a folder with a Markdown page, its charts and its results as JSON."""

from collections.abc import Sequence
from pathlib import Path

from cir.errors import InputError
from cir.evaluation.report.blocks import FIGURES_FOLDER, charts, to_page_markdown
from cir.evaluation.report.charts.canvas import to_png
from cir.evaluation.report.documents import Result, check_results, to_json
from cir.evaluation.report.maps import MapFigure
from cir.evaluation.report.sections import page_sections
from cir.files import replacing_folder
from cir.types import Progress

TITLE = "How often the right instrument is found"

MARKDOWN_NAME = "report.md"
RESULTS_NAME = "results.json"

_CONTENTS = {MARKDOWN_NAME, RESULTS_NAME, FIGURES_FOLDER}


def check_report_folder(folder: str | Path) -> None:
    """Check, before anything is measured, that a report can be written into a folder.

    Raises:
        InputError: The folder is a file or holds anything but a report.
    """
    target = Path(folder)
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; name a new folder for the report.")
    found = {path.name for path in target.iterdir()}
    if foreign := sorted(found - _CONTENTS):
        raise InputError(
            f"{target} holds {foreign[0]}, which is not part of a report; name a new folder, or "
            "the folder of an earlier report, which is replaced."
        )


def write_report(
    folder: str | Path,
    results: Sequence[Result],
    *,
    title: str = TITLE,
    maps: Sequence[MapFigure] = (),
    commands: Sequence[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Write `report.md`, `figures/` and `results.json`; equal results give an equal report.

    The folder is written whole or not at all, and an earlier report in it is replaced.

    Args:
        folder: A new folder, an empty one, or that of an earlier report.
        results: Results of any protocols, as `cir evaluate` makes them.
        title: Title of the page.
        maps: Maps made by `embedding_map`.
        commands: Command lines that made the results, shown at the end.
        progress: Called before each chart.

    Returns:
        Path of `report.md`.

    Raises:
        InputError: `check_results` or `check_report_folder` refuses the results or the folder.
    """
    check_results(results)
    check_report_folder(folder)
    sections = page_sections(results, maps, commands)
    drawn = [one for section in sections for one in charts(section.blocks)]
    target = Path(folder).resolve()
    with replacing_folder(target) as temporary:
        (temporary / FIGURES_FOLDER).mkdir()
        for number, picture in enumerate(drawn):
            if progress is not None:
                progress(number / len(drawn), f"Drawing: {picture.title}")
            (temporary / picture.path).write_bytes(to_png(picture.draw()))
        page = to_page_markdown(title, sections)
        (temporary / MARKDOWN_NAME).write_text(page, encoding="utf-8")
        (temporary / RESULTS_NAME).write_text(to_json(results) + "\n", encoding="utf-8")
    if progress is not None:
        progress(1.0, "Report written")
    return target / MARKDOWN_NAME
