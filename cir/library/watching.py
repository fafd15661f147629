"""Keeping a database current while folders change."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from watchfiles import watch

from cir.errors import InputError
from cir.library.find_files import Limits
from cir.library.own_notes import Labels
from cir.library.sounds import AddReport, add_sounds
from cir.types import Encoder

_SETTLE_MILLISECONDS = 2_000
"""Files that are being written are left until nothing has changed for so long."""
_STEP_MILLISECONDS = 500
_START_MILLISECONDS = 100
"""How long the watcher waits at most for a change before it says that there is none."""


def watch_folders(
    database: Path | str,
    encoder: Encoder,
    folders: Sequence[Path],
    labels: Labels | None = None,
    *,
    remove_missing: bool = False,
    stop: Event | None = None,
) -> Iterator[AddReport]:
    """Add the sounds of folders, and again after each change, until it is stopped.

    Args:
        database: Folder of the database; it lies in none of `folders`.
        encoder: Embeds the sounds.
        folders: What to watch.
        labels: Labels of all sounds.
        remove_missing: See `add_sounds`.
        stop: Ends it when it is set.

    Yields:
        The report of each addition; of the first one in any case.

    Raises:
        InputError: A folder does not exist, or holds the database.
        DatabaseError: See `add_sounds`.
    """
    target = Path(database).expanduser().resolve()
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; give folders of sounds to watch.")
        if target.is_relative_to(folder.resolve()):
            raise InputError(
                f"The database {target} lies in {folder}, which would change with every addition: "
                "keep it elsewhere."
            )

    def add() -> AddReport:
        try:
            return add_sounds(
                target,
                encoder,
                folders,
                labels,
                limits=Limits.none(),
                remove_missing=remove_missing,
            )
        except InputError as error:  # there may be sounds later
            return AddReport((), (str(error),))

    changes = watch(
        *folders,
        stop_event=stop,
        debounce=_SETTLE_MILLISECONDS,
        step=_STEP_MILLISECONDS,
        rust_timeout=_START_MILLISECONDS,
        yield_on_timeout=True,
    )
    next(changes, None)  # watching begins here, so that nothing is missed during the first addition
    yield add()
    for found in changes:
        if found:
            yield add()
