"""Files to make instruments of; the recordings of a multi-sample are one."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cir.audio.formats import SOUND_SUFFIXES
from cir.engines.multisamples import SampleGroup, choose_notes, group_samples
from cir.index.references import REFERENCE_VELOCITY
from cir.instruments.families import family_of_file, family_of_folder, reference_pitch
from cir.library.sound_tasks import KNOWN_BY

_DRUMS = re.compile(
    "kick|snare|hat|clap|cymbal|crash|ride|rim|shaker|tamb|cowbell|perc|drum|tom(?![a-z])", re.I
)
"""Drums, whose names hold numbers of takes that look like notes: `Kick A1`."""


@dataclass(frozen=True)
class SoundFile:
    """A file to make one or several instruments of."""

    path: Path
    """Path that can be read."""
    origin: str
    """Its original place, for the catalogue."""
    bank: str
    inside: PurePosixPath
    """Its path inside the folder or archive that was given."""
    shown: str
    """The same for display, beginning with the name of what was given."""
    target: str = ""
    """Engine reference without its preset, `scheme:path`; empty: the suffix says the scheme."""
    size: int = 0
    """In bytes; of all members."""
    mtime_ns: int = 0
    """When it was changed; the latest of all members."""
    members: tuple[Path, ...] = ()
    """The recordings of a multi-sample, those that it is known by first."""
    n_notes: int = 1
    """How many of the members it is known by."""
    is_local: bool = False
    """Whether it stays where it is, so that it can be read again later."""


def join_multisamples(files: Sequence[SoundFile]) -> list[SoundFile]:
    """Replace the recordings of each multi-sample by one file; the order stays."""
    folders: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for position, file in enumerate(files):
        if file.path.suffix.lower() in SOUND_SUFFIXES and not file.target:
            folders[file.origin.removesuffix(file.inside.name), file.bank].append(position)
    joined: dict[int, SoundFile | None] = {}
    for (place, _), positions in folders.items():
        for group in group_samples([files[one].inside.stem for one in positions]):
            if all(name.pitch is not None for _, name in group.members) and _DRUMS.search(
                group.name
            ):
                continue
            members = [positions[position] for position, _ in group.members]
            joined |= dict.fromkeys(members)
            joined[members[0]] = _join([files[one] for one in positions], group, place)
    chosen = (joined.get(position, file) for position, file in enumerate(files))
    return [file for file in chosen if file is not None]


def _join(files: Sequence[SoundFile], group: SampleGroup, place: str) -> SoundFile:
    first = files[group.members[0][0]]
    folder = first.inside.parent.name or first.bank
    family = family_of_file(group.name or folder) or family_of_folder(folder)
    known_by = choose_notes(group, reference_pitch(family), REFERENCE_VELOCITY, KNOWN_BY)
    others = [position for position, _ in group.members if position not in known_by]
    members = [files[position] for position in (*known_by, *others)]
    name = group.name or folder
    place = place.rstrip("/\\")
    return replace(
        first,
        origin=f"{place}#{group.key}",
        inside=first.inside.with_name(f"{name}{first.inside.suffix}"),
        shown=f"{first.shown.removesuffix(first.inside.name)}{name}",
        size=sum(one.size for one in members),
        mtime_ns=max(one.mtime_ns for one in members),
        members=tuple(one.path for one in members),
        n_notes=len(known_by),
    )
