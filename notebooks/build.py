"""Write the .ipynb of each notebook, without outputs, and its page, with outputs, from its .py.

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
    "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm without ipywidgets
}


def list_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return the .py files of the named notebooks, in this order, or of all, sorted.

    Raises:
        InputError: There is no such notebook.
    """
    everything = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    known = {path.stem: path for path in everything}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"There is no notebook {unknown[0]!r}; there are {', '.join(known)}.")
    return [known[name] for name in names] if names else everything


def read_notebook(source: Path) -> Any:
    """Read a .py in the percent format as a notebook; the same text gives the same ids of cells."""
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
    """Return the text of the .ipynb beside a .py."""
    text: str = nbformat.writes(read_notebook(source))
    return text + "\n"


def pair(source: Path) -> Path:
    """Write the .ipynb beside a .py if it differs."""
    target = source.with_suffix(".ipynb")
    text = pair_text(source)
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return target


def run_notebook(notebook: Any, name: str, *, show_progress: bool = True) -> None:
    """Run all cells in place, in a kernel in the folder of the notebooks that imports this `cir`.

    Raises:
        DataError: A cell fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cir-kernel-") as sockets,
        tqdm(total=len(notebook.cells), desc=name, unit="cell", disable=not show_progress) as bar,
    ):
        client = NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=600,  # for a busy machine
            kernel_name="python3",
            # Sockets in a private folder: no other user of this machine can connect to the kernel.
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
        DataError: A cell fails, or the page is larger than `LARGEST_PAGE_BYTES`.
    """
    notebook = read_notebook(source)
    run_notebook(notebook, source.stem)
    page = render_page(notebook, source.stem, [path.stem for path in list_notebooks()])
    if len(page.encode()) > LARGEST_PAGE_BYTES:
        raise DataError(
            f"The page of {source.stem} has {len(page.encode()) / 1e6:.1f} MB; at most "
            f"{LARGEST_PAGE_BYTES / 1e6:.0f} MB are allowed: show fewer or shorter sounds."
        )
    target = PAGES / f"{source.stem}.html"
    with replacing(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", help="such as 01_hear_timbre; all by default")
    parser.add_argument("--pair", action="store_true", help="write the .ipynb only")
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
