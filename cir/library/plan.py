"""What files would become as instruments, told before any of them is played or embedded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cir.files import workspace
from cir.instruments.families import check_families
from cir.library.find_files import Limits, UploadedFile, find_files
from cir.library.own_notes import Labels, NoteReader
from cir.library.planning import Planner
from cir.library.sandboxed_engines import SandboxedEngines
from cir.types import Instrument, Progress


@dataclass(frozen=True)
class Plan:
    """What `add_sounds` would make of the same files and labels."""

    instruments: tuple[Instrument, ...]
    """In the order of the files, with the ids that they will have in an empty database."""
    refused: tuple[str, ...]
    """Reason for each file that would be left out; more may be, once they are decoded."""


def plan_sounds(
    paths: Sequence[Path | str | UploadedFile],
    labels: Labels | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Plan:
    """List the instruments of files, folders and archives without playing or embedding them.

    Arguments as of `cir.library.sounds.add_sounds`.

    Raises:
        InputError: There is nothing to add, or more than the limits allow.
        StorageError: The disk is full.
    """
    labels, limits = labels or Labels(), limits or Limits()
    if labels.family is not None:
        check_families([labels.family])
    instruments: list[Instrument] = []
    with workspace("plan") as folder, SandboxedEngines() as engines:
        found = find_files(paths, folder, limits, progress=progress)
        refused = list(found.refused)
        planner = Planner(NoteReader(labels, limits, engines), None)
        for step in planner.steps(found.files):
            if step.row is not None:
                instruments.append(step.row.instrument)
            elif step.refusal:
                refused.append(step.refusal)
            if progress is not None:
                progress(step.number / len(found.files), f"Reading {step.shown}")
    return Plan(tuple(instruments), tuple(refused))
