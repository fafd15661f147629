"""From each notebook's .py to its .ipynb without outputs and to a page with them.

python -m notebooks.build                     # all of them: minutes
python -m notebooks.build 01_hear_timbre      # one
python -m notebooks.build --pair              # the .ipynb alone: a second
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm
from traitlets.config import Config

from cir.errors import CirError, DataError, InputError
from cir.files import replacing
from notebooks.rendering import render_page

FOLDER = Path(__file__).parent
PAGES = FOLDER.parent / "docs" / "notebooks"
LARGEST_PAGE_BYTES = 3_000_000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ENVIRONMENT = {
    "PYTHONPATH": str(FOLDER.parent),
    "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm misses ipywidgets, and does without
}


def list_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """The .py files of the notebooks of these names, or of all, in order.

    Raises:
        InputError: there is no such notebook.
    """
    everything = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    known = {path.stem: path for path in everything}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"There is no notebook {unknown[0]!r}; there are {', '.join(known)}.")
    return [known[name] for name in names] if names else everything


def read_notebook(source: Path) -> Any:
    """Read a .py in the percent format as a notebook; equal texts give equal notebooks."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(
        {
            "jupytext": {"formats": "ipynb,py:percent"},
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    return notebook


def pair_text(source: Path) -> str:
    """What the .ipynb beside a .py holds."""
    text: str = nbformat.writes(read_notebook(source))
    return text + "\n"


def pair(source: Path) -> Path:
    """Write the .ipynb beside a .py, where it is another."""
    target = source.with_suffix(".ipynb")
    text = pair_text(source)
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return target


def run_notebook(notebook: Any, name: str, *, show_progress: bool = True) -> None:
    """Run all cells in place, in a kernel that imports this `cir` from the folder of the notebooks.

    Raises:
        DataError: a cell fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cir-kernel-") as sockets,
        tqdm(total=len(notebook.cells), desc=name, unit="cell", disable=not show_progress) as bar,
    ):
        client = NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=600,  # a busy machine
            kernel_name="python3",
            # Sockets in a folder of our own: nobody else on this machine can listen or run code.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
            resources={"metadata": {"path": str(FOLDER)}},
            on_cell_complete=lambda **_: bar.update(),
        )
        try:
            client.execute(env=os.environ | _ENVIRONMENT)
        except CellExecutionError as error:
            plain = _COLOURS.sub("", str(error))
            raise DataError(f"The notebook {name} fails: {plain}") from None


def build(source: Path) -> Path:
    """Run a notebook and write its page.

    Raises:
        DataError: a cell fails, or the page grows too large.
    """
    notebook = read_notebook(source)
    run_notebook(notebook, source.stem)
    page = render_page(notebook, source.stem, [path.stem for path in list_notebooks()])
    if len(page.encode()) > LARGEST_PAGE_BYTES:
        raise DataError(
            f"The page of {source.stem} takes {len(page.encode()) / 1e6:.1f} MB, at most "
            f"{LARGEST_PAGE_BYTES / 1e6:.0f} are allowed: show fewer or shorter sounds."
        )
    target = PAGES / f"{source.stem}.html"
    with replacing(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", help="such as 01_hear_timbre; all where none is given")
    parser.add_argument("--pair", action="store_true", help="write the .ipynb, run nothing")
    options = parser.parse_args(arguments)
    try:
        for source in list_notebooks(options.names):
            pair(source)
            if not options.pair:
                started = time.monotonic()
                page = build(source)
                print(f"{page.relative_to(FOLDER.parent)}: {time.monotonic() - started:.0f} s")
    except CirError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
