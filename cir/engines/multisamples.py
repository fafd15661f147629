"""Multi-samples: recordings of one instrument at several pitches and levels, told by file names.

Read are note names (`Piano C3`, `bass_f#2`; C4 is 60), NSynth's `-060-100`, velocities (`vel100`,
and beside a pitch `v3` and `pp` to `ff`), round robins (`rr2`), and final numbers, if
every name of a group has another one between 21 and 108 and they do not just count.
What is left of a name is the instrument's.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
NOTE_NAME = re.compile(r"(?<![A-Za-z0-9])([A-Ga-g])([#b]?)(-1|[0-9])(?![0-9A-Za-z])")
NSYNTH = re.compile(r"-([0-9]{3})-([0-9]{3})$")
PLAUSIBLE_PITCHES = range(21, 109)
"""Keys of a piano."""

_LAYER = re.compile(r"(?<![A-Za-z])vel(?:ocity)?[ _\-]?([0-9]{1,3})(?![0-9A-Za-z])", re.I)
_PITCHED_LAYER = re.compile(r"(?<![A-Za-z0-9])v([0-9]{1,3})(?![0-9A-Za-z])", re.I)
_DYNAMIC = re.compile(r"(?<![A-Za-z0-9])(ppp|pp|p|mp|mf|f|ff|fff)(?![A-Za-z0-9#])", re.I)
_DYNAMICS = {"ppp": 10, "pp": 30, "p": 50, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 127}
_TAKE = re.compile(r"(?<![A-Za-z])(?:rr|round[ _\-]?robin)[ _\-]?([0-9]{1,2})(?![0-9A-Za-z])", re.I)
_NUMBER = re.compile(r"(?:^|(?<=[_\- ]))([0-9]{2,3})$")
_EDGES = " _-.,()[]"
_LEAST_NUMBERED = 3


@dataclass(frozen=True)
class SampleName:
    """What a file name says of a recording."""

    rest: str
    """The name without it: the instrument's."""
    pitch: int | None = None
    """MIDI note number."""
    velocity: int | None = None
    """MIDI velocity, or the number of a layer."""
    take: int | None = None
    """Number of a round robin."""


@dataclass(frozen=True)
class SampleGroup:
    """Recordings of one instrument."""

    name: str
    """What their names share; it may be empty."""
    members: tuple[tuple[int, SampleName], ...]
    """Position of each among the names that were given, and what its name says."""

    @property
    def key(self) -> str:
        """The name by which an engine reference tells it from others of its folder."""
        return self.name.casefold()


def read_name(stem: str) -> SampleName:
    """Read a file name without its ending."""
    nsynth = NSYNTH.search(stem)
    if nsynth is not None and int(nsynth[1]) <= 127:
        return SampleName(stem[: nsynth.start()], int(nsynth[1]), int(nsynth[2]))
    found = SampleName(stem)
    take = _TAKE.search(stem)
    if take is not None:
        found = replace(found, rest=_without(found.rest, take), take=int(take[1]))
    layer = _LAYER.search(found.rest)
    if layer is not None:
        found = replace(found, rest=_without(found.rest, layer), velocity=int(layer[1]))
    notes = list(NOTE_NAME.finditer(found.rest))
    if notes:
        pitch = pitch_of(*notes[-1].groups())
        if 0 <= pitch <= 127:
            found = replace(found, rest=_without(found.rest, notes[-1]), pitch=pitch)
            found = _read_dynamics(found)
    return replace(found, rest=found.rest.strip(_EDGES))


def group_samples(stems: Sequence[str]) -> list[SampleGroup]:
    """Find the multi-samples among the files of one folder.

    Args:
        stems: File names without endings.

    Returns:
        Groups of two and more; a file that belongs to none is an instrument of its own.
    """
    groups: defaultdict[str, list[tuple[int, SampleName]]] = defaultdict(list)
    plain: defaultdict[str, list[tuple[int, SampleName]]] = defaultdict(list)
    for position, stem in enumerate(stems):
        name = read_name(stem)
        if (name.pitch, name.velocity, name.take) != (None, None, None):
            groups[name.rest.casefold()].append((position, name))
            continue
        number = _NUMBER.search(stem)
        if number is not None and int(number[1]) in PLAUSIBLE_PITCHES:
            rest = stem[: number.start()].strip(_EDGES)
            plain[rest.casefold()].append((position, SampleName(rest, int(number[1]))))
        else:
            plain[stem.casefold()].append((position, name))
    found = [group for group in groups.values() if len(group) > 1]
    found += [group for group in plain.values() if _are_keys(group)]
    made = [SampleGroup(group[0][1].rest, tuple(group)) for group in found]
    return sorted(made, key=lambda group: group.members[0][0])


def choose_notes(group: SampleGroup, pitch: int, velocity: int, count: int) -> list[int]:
    """Choose the recordings that an instrument is known by.

    Args:
        group: The instrument.
        pitch: Of its reference note.
        velocity: Of all of them.
        count: At most.

    Returns:
        Positions: the recording nearest to `pitch`, then others at pitches spread over two octaves
        to both sides.
    """

    def distance(member: tuple[int, SampleName], wanted: int) -> tuple[int, int, int, int]:
        position, name = member
        level = velocity if name.velocity is None else name.velocity
        return abs((name.pitch or wanted) - wanted), abs(level - velocity), name.take or 0, position

    def nearest(wanted: int) -> tuple[int, SampleName]:
        return min(group.members, key=lambda member: distance(member, wanted))

    reference = nearest(pitch)
    centre = reference[1].pitch
    pitches = sorted({name.pitch for _, name in group.members if name.pitch is not None})
    if centre is None or count < 2:
        return [reference[0]]
    around = [one for one in pitches if one != centre and abs(one - centre) <= 24]
    step = max(1.0, len(around) / (count - 1))
    spread = [around[int(number * step)] for number in range(min(count - 1, len(around)))]
    return [reference[0], *(nearest(one)[0] for one in spread)]


def pitch_of(letter: str, accidental: str, octave: str) -> int:
    """Return the MIDI note number of a name in its parts; c4 is 60."""
    return _SEMITONES[letter.lower()] + _ACCIDENTALS[accidental.lower()] + 12 * (int(octave) + 1)


def _read_dynamics(found: SampleName) -> SampleName:
    """Read what only beside a pitch means a velocity."""
    if found.velocity is not None:
        return found
    layer = _PITCHED_LAYER.search(found.rest)
    if layer is not None:
        return replace(found, rest=_without(found.rest, layer), velocity=int(layer[1]))
    dynamic = _DYNAMIC.search(found.rest)
    if dynamic is not None:
        velocity = _DYNAMICS[dynamic[1].lower()]
        return replace(found, rest=_without(found.rest, dynamic), velocity=velocity)
    return found


def _are_keys(group: Sequence[tuple[int, SampleName]]) -> bool:
    """Return whether final numbers are pitches; those that count on are takes."""
    pitches = sorted(name.pitch for _, name in group if name.pitch is not None)
    if len(pitches) < max(_LEAST_NUMBERED, len(group)) or len(set(pitches)) < len(pitches):
        return False
    return pitches[-1] - pitches[0] >= 2 * (len(pitches) - 1)


def _without(stem: str, found: re.Match[str]) -> str:
    before, after = stem[: found.start()].rstrip(_EDGES), stem[found.end() :].lstrip(_EDGES)
    return f"{before} {after}".strip() if before and after else before or after
