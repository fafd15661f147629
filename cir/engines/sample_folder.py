"""A folder of one-shots: sound files, each one note of one instrument."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cir.audio.dsp import resample
from cir.audio.formats import READABLE, SOUND_SUFFIXES
from cir.audio.io import load_audio
from cir.engines.base import check_request, mix_in
from cir.engines.multisamples import (
    NOTE_NAME,
    NSYNTH,
    PLAUSIBLE_PITCHES,
    SampleName,
    group_samples,
    pitch_of,
)
from cir.errors import EngineError
from cir.types import FloatArray, Note

FIRST_UNPITCHED_KEY = 36
"""Files whose names say no pitch lie on the keys from here up, in the order of their names."""

MAX_FILES = 1_000
MAX_SAMPLE_SECONDS = 60.0

_TRAILING_NUMBER = re.compile(r"(?:^|[_\- ])([0-9]{1,3})$")


class SampleFolderEngine:
    """One instrument made of the sound files of a folder, or of one file; an `Engine`.

    A note is played by the sample nearest in pitch, at that sample's own pitch and level: nothing
    is transposed. Samples are one-shots, they ring to their end. Velocities scale nothing; they
    choose among the layers of a multi-sample.

    Pitches come from file names (see `pitches_from_names`). Where some files have a pitch, those
    without are not played; where none has, they lie on the keys from 36 up, by name.

    Args:
        path: The folder, not searched recursively, a single sound file, or `FOLDER#NAME`: those
            files of a folder that are a multi-sample of this name (`cir.engines.multisamples`).

    Raises:
        EngineError: There is no such folder, or it holds no sound files or over a thousand.
        InputError: A sample cannot be read (when rendering).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.exists() or "#" not in self.path.name:
            names = _names_of_folder(self.path)
        else:
            names = _names_of_group(self.path)
        self._names = names
        self.samples: tuple[tuple[int, Path], ...] = tuple(
            (name.pitch, file) for file, name in names.items() if name.pitch is not None
        )
        """(pitch, file) of every sample that can be played."""
        self._decoded: dict[Path, tuple[FloatArray, int]] = {}

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            file = self._sample_for(note)
            audio, rate = self._load(file)
            start = round(note.start_seconds * sample_rate)
            mix_in(track, resample(audio, rate, sample_rate), start)
        return track

    def _sample_for(self, note: Note) -> Path:
        def distance(sample: tuple[int, Path]) -> tuple[int, int, int]:
            pitch, name = sample[0], self._names[sample[1]]
            level = note.velocity if name.velocity is None else name.velocity
            return abs(pitch - note.pitch), abs(level - note.velocity), name.take or 0

        return min(self.samples, key=distance)[1]

    def _load(self, file: Path) -> tuple[FloatArray, int]:
        if file not in self._decoded:
            self._decoded[file] = load_audio(file, sample_rate=None, max_seconds=MAX_SAMPLE_SECONDS)
        return self._decoded[file]


def pitches_from_names(stems: Sequence[str]) -> list[int | None]:
    """Read the pitch that each file name of a folder says.

    Understood are note names (`Piano C3`, `bass_f#2`, `Eb4`; C4 is 60), the endings of NSynth
    (`-060-100`: pitch and velocity) and final numbers (`pluck_60`). Final numbers more often count
    takes (`snare_02`), so they are believed only where every name has a different one between 21
    and 108.

    Returns:
        MIDI note numbers, None where a name says nothing.
    """
    named = [_named_pitch(stem) for stem in stems]
    if any(pitch is not None for pitch in named):
        return named
    numbers = [_trailing_number(stem) for stem in stems]
    plausible = all(number in PLAUSIBLE_PITCHES for number in numbers)
    if plausible and len(set(numbers)) == len(numbers):
        return numbers
    return named


def _named_pitch(stem: str) -> int | None:
    nsynth = NSYNTH.search(stem)
    if nsynth is not None and int(nsynth[1]) <= 127:
        return int(nsynth[1])
    matches = list(NOTE_NAME.finditer(stem))
    if not matches:
        return None
    pitch = pitch_of(*matches[-1].groups())
    return pitch if 0 <= pitch <= 127 else None


def _trailing_number(stem: str) -> int | None:
    match = _TRAILING_NUMBER.search(stem)
    return int(match[1]) if match is not None else None


def _names_of_folder(path: Path) -> dict[Path, SampleName]:
    files = _list_sounds(path)
    pitches = pitches_from_names([file.stem for file in files])
    if all(pitch is None for pitch in pitches):
        pitches = [FIRST_UNPITCHED_KEY + position for position in range(len(files))]
    return {file: SampleName(file.stem, pitch) for file, pitch in zip(files, pitches, strict=True)}


def _names_of_group(path: Path) -> dict[Path, SampleName]:
    folder, _, key = str(path).rpartition("#")
    files = _list_sounds(Path(folder))
    for group in group_samples([file.stem for file in files]):
        if group.key == key:
            lowest = FIRST_UNPITCHED_KEY  # of layers without a pitch
            return {
                files[position]: replace(name, pitch=lowest if name.pitch is None else name.pitch)
                for position, name in group.members
            }
    raise EngineError(f"The folder {folder} holds no multi-sample named {key!r}.")


def _list_sounds(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix.lower() not in SOUND_SUFFIXES:
            raise EngineError(f"{path.name} is no sample; give a sound file ({READABLE}).")
        return [path]
    if not path.is_dir():
        raise EngineError(f"There is no sample folder {path}; give a folder of sound files.")
    files = sorted(
        file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SOUND_SUFFIXES
    )
    if not 1 <= len(files) <= MAX_FILES:
        raise EngineError(
            f"The folder {path} holds {len(files)} sound files ({READABLE}); "
            f"an instrument has 1 to {MAX_FILES}."
        )
    return files
