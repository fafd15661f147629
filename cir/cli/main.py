"""The command `cir` and its error handling.

Commands import what they need when they run, so that `cir --help` is fast.
"""

import io
import signal
import sys
from typing import Annotated

import typer

from cir.cli.app import serve
from cir.cli.database import app as database_app
from cir.cli.embed import embed
from cir.cli.evaluate import evaluate
from cir.cli.export import export
from cir.cli.midi_stats import midi_stats
from cir.cli.publish import publish
from cir.cli.render_notes import render_notes
from cir.cli.search import search
from cir.cli.similar import similar
from cir.cli.train import train
from cir.errors import CirError
from cir.extras import how_to_install
from cir.version import __version__

EXIT_TERMINATED = 143

EXIT_ERROR = 2
app = typer.Typer(
    name="cir",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def clean_up_when_terminated() -> None:
    """Exit on SIGTERM as after Ctrl-C; by default it skips all clean-up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Find the instruments that sound like those in a mix."""


app.command()(search)
app.command()(similar)
app.command()(embed)
app.add_typer(database_app, name="database")
app.command("app")(serve)
app.command()(train)
app.command()(export)
app.command()(evaluate)
app.command("midi-stats")(midi_stats)
app.command("render-notes")(render_notes)
app.command()(publish)


def main() -> None:
    """Run the command line and exit.

    The exit code is 0 on success, 2 for an error that the user can correct (one line on stderr
    without a traceback), 130 after Ctrl-C and 143 after SIGTERM.
    """
    clean_up_when_terminated()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names in writings that a console lacks
    try:
        app(prog_name="cir")
    except ModuleNotFoundError as missing:
        advice = how_to_install(missing)
        if advice is None:
            raise
        sys.exit(_report(advice))
    except CirError as error:
        sys.exit(_report(str(error)))
    except OSError as error:  # such as a full disk or missing permission
        where = f": {error.filename}" if error.filename else ""
        sys.exit(_report(f"{error.strerror or error}{where}"))


def _report(message: str) -> int:
    print("cir:", " ".join(message.split()), file=sys.stderr)
    return EXIT_ERROR
