"""The report: one folder with the page as HTML and as Markdown, its pictures and its figures."""

from collections.abc import Sequence
from pathlib import Path

from cir.errors import InputError
from cir.evaluation.report.blocks import FIGURES_FOLDER, pictures, to_page_markdown
from cir.evaluation.report.charts.canvas import require_matplotlib, to_png
from cir.evaluation.report.documents import Result, check_results, to_json
from cir.evaluation.report.html import to_html
from cir.evaluation.report.maps import MapFigure
from cir.evaluation.report.sections import page_sections
from cir.files import replacing_folder
from cir.types import Progress

TITLE = "How often the right instrument is found"

HTML_NAME = "report.html"
MARKDOWN_NAME = "report.md"
RESULTS_NAME = "results.json"

_CONTENTS = {HTML_NAME, MARKDOWN_NAME, RESULTS_NAME, FIGURES_FOLDER}


def check_report_folder(folder: str | Path) -> None:
    """Find out before anything is measured whether a report can be written.

    Raises:
        InputError: Matplotlib is missing, or the folder is a file or holds anything but a report.
    """
    require_matplotlib()
    target = Path(folder)
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; name a new folder for the report.")
    found = {path.name for path in target.iterdir()}
    if foreign := sorted(found - _CONTENTS):
        raise InputError(
            f"{target} holds {foreign[0]}, which is no part of a report; name a new folder, or "
            "one of an earlier report, which is replaced."
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
    """Write `report.html` (one file, all inside), `report.md` with `figures/`, and `results.json`.

    The folder is written whole or not at all, and an earlier report in it is replaced. The same
    results give the same report.

    Args:
        folder: New, empty, or of an earlier report.
        results: Of any protocols, as `cir evaluate` makes them.
        title: Of the page.
        maps: Made by `embedding_map`.
        commands: What was typed to make the results, shown at the end.
        progress: Told before each picture.

    Returns:
        Path of `report.html`.

    Raises:
        InputError: Results or folder are of no use, or Matplotlib is missing.
    """
    check_results(results)
    check_report_folder(folder)
    sections = page_sections(results, maps, commands)
    drawn = [one for section in sections for one in pictures(section.blocks)]
    pngs: dict[str, bytes] = {}
    for number, picture in enumerate(drawn):
        if progress is not None:
            progress(number / len(drawn), f"Drawing: {picture.title}")
        pngs[picture.name] = to_png(picture.draw())
    target = Path(folder).resolve()
    with replacing_folder(target) as temporary:
        (temporary / FIGURES_FOLDER).mkdir()
        for picture in drawn:
            (temporary / picture.path).write_bytes(pngs[picture.name])
        page = to_page_markdown(title, sections)
        (temporary / MARKDOWN_NAME).write_text(page, encoding="utf-8")
        (temporary / HTML_NAME).write_text(to_html(title, sections, pngs), encoding="utf-8")
        (temporary / RESULTS_NAME).write_text(to_json(results) + "\n", encoding="utf-8")
    if progress is not None:
        progress(1.0, "Report written")
    return target / HTML_NAME
