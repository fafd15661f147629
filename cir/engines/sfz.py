"""SFZ instruments (.sfz): a text that says which sample plays for which key, and how.

Source: the SFZ v1 format and what most instruments use of v2 and ARIA, as sfzformat.com has it.
Everything is played at the controllers' initial values; opcodes that are not played are listed.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cir.audio.dsp import resample
from cir.audio.io import load_audio
from cir.engines.base import FADE_SECONDS, PresetInfo, check_request, mix_in, read_limited
from cir.engines.multisamples import pitch_of
from cir.engines.sample_folder import MAX_SAMPLE_SECONDS, pitches_from_names
from cir.errors import CirError, EngineError
from cir.text import clean
from cir.types import FloatArray, Note

_MAX_BYTES = 8 << 20
_MAX_INCLUDES = 100
_MAX_DECODED = 64
_MAX_REGIONS = 50_000
_MAX_CENTS = 7_200.0

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(r'#include\s+"([^"]*)"')
_DEFINE = re.compile(r"#define\s+(\$\w+)\s+(\S+)")
_TOKEN = re.compile(r"<(\w+)>|([\w$]+)=([^\n]*?)(?=\s+[\w$]+=|\s*<\w+>|\s*$)", re.MULTILINE)
_CONTROLLER = re.compile(r"(lo|hi)cc(\d+)")
_NOTE_NAME = re.compile(r"([a-g])([#b]?)(-?\d+)", re.IGNORECASE)
_SET_CONTROLLER = re.compile(r"set_cc(\d+)")
_LEVELS = ("global", "master", "group", "region")
"""Headers, from the outermost in: each hands its opcodes to those within."""

_PLAYED_TEXT = (
    "sample key lokey hikey lovel hivel pitch_keycenter pitch_keytrack transpose tune pitch volume "
    "gain amplitude amp_veltrack offset end loop_mode loopmode loop_start loopstart loop_end "
    "loopend ampeg_delay ampeg_attack ampeg_hold ampeg_decay ampeg_sustain ampeg_release trigger "
    "seq_length seq_position lorand hirand sw_last sw_default sw_lokey sw_hikey default_path "
    "note_offset octave_offset"
)
_PLAYED = frozenset(_PLAYED_TEXT.split())
_SAYS_NOTHING = re.compile(
    "group_label|region_label|master_label|global_label|sw_label|label_.*|hint_.*|pan|width|"
    "position|group|off_by|off_mode|polyphony|note_polyphony|sw_.*|image|volume_cc.*"
)
"""Opcodes that change nothing of one note, mono, at the initial values of the controllers."""

_LOOPS = ("loop_continuous", "loop_sustain")


@dataclass(frozen=True)
class _Region:
    """One sample and the keys that it plays for."""

    opcodes: Mapping[str, str]
    sample: Path
    keys: range
    velocities: range
    key_center: int

    def number(self, name: str, default: float = 0.0) -> float:
        """Return the value of an opcode."""
        return _number(self.opcodes.get(name), default)


class SfzEngine:
    """One SFZ instrument; an `Engine`.

    Args:
        path: An .sfz file.

    Raises:
        EngineError: There is no such file, or it plays no sample. A missing or damaged sample is an
            EngineError when a note needs it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._regions, self.ignored = _read(self.path)
        self._load = lru_cache(maxsize=_MAX_DECODED)(_load)

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            for region in self._regions:
                if note.pitch in region.keys and note.velocity in region.velocities:
                    start = round(note.start_seconds * sample_rate)
                    left = (track.size - start) / sample_rate
                    mix_in(track, self._play(region, note, left, sample_rate), start)
        if not np.isfinite(track).all():
            raise EngineError(f"{self.path} plays NaN or infinite samples.")
        return track

    def _play(self, region: _Region, note: Note, seconds: float, sample_rate: int) -> FloatArray:
        """Play a note on a region, not much longer than `seconds`."""
        audio, rate, found_loop = self._load(region.sample)
        cents = (note.pitch - region.key_center) * region.number("pitch_keytrack", 100.0)
        cents += 100.0 * region.number("transpose")
        cents += region.number("tune") + region.number("pitch")
        faster = 2.0 ** (float(np.clip(cents, -_MAX_CENTS, _MAX_CENTS)) / 1_200.0)
        release = max(region.number("ampeg_release"), FADE_SECONDS)
        mode = region.opcodes.get("loop_mode", region.opcodes.get("loopmode", ""))
        start = max(0, int(region.number("offset")))
        stop = int(region.number("end", audio.size - 1)) + 1
        audio = audio[:stop] if stop > 0 else audio[:0]
        if mode == "one_shot":
            held = (audio.size - start) / (rate * faster)
            release = FADE_SECONDS
        else:
            held = note.duration_seconds
        wanted = int(min(held + release, seconds) * rate * faster) + rate // 10
        loop = _loop(region, found_loop) if mode in _LOOPS or (not mode and found_loop) else None
        sound = _looped(audio, start, loop, wanted)
        if not sound.size:
            return sound
        sound = resample(sound, max(1, round(rate * faster)), sample_rate)
        velocity = (note.velocity / 127.0) ** 2
        tracked = region.number("amp_veltrack", 100.0) / 100.0
        gain = 1.0 - tracked * (1.0 - velocity) if tracked >= 0 else 1.0 + tracked * velocity
        gain *= region.number("amplitude", 100.0) / 100.0
        gain *= 10.0 ** ((region.number("volume") + region.number("gain")) / 20.0)
        envelope = _envelope(region, sound.size, held, release, sample_rate)
        return np.asarray(sound * (gain * envelope), dtype=np.float32)


def list_sfz(path: Path) -> list[PresetInfo]:
    """Read an instrument: its name is the file's, and it says what it plays without.

    Raises:
        EngineError: It is no SFZ instrument.
    """
    _, ignored = _read(path)
    remark = f"is played without its {', '.join(ignored)}" if ignored else ""
    return [PresetInfo(clean(path.stem), remark=remark)]


def sfz_samples(path: Path) -> set[Path]:
    """Return the samples of an instrument, none where it cannot be read."""
    try:
        return {region.sample.resolve() for region in _read(path)[0]}
    except CirError:
        return set()


def _read(path: Path) -> tuple[list[_Region], tuple[str, ...]]:
    """Return the regions that play, and the opcodes that are ignored."""
    text = _text(path, path.parent, [_MAX_INCLUDES])
    defined = dict(_DEFINE.findall(text))
    text = _DEFINE.sub("", text)
    for name in sorted(defined, key=len, reverse=True):
        text = text.replace(name, defined[name])
    regions: list[dict[str, str]] = []
    opcodes: dict[str, dict[str, str]] = {level: {} for level in (*_LEVELS, "control")}
    header = "global"
    for found in _TOKEN.finditer(text):
        if found[1]:
            header = found[1]
            for level in _LEVELS[_LEVELS.index(header) :] if header in _LEVELS else ():
                opcodes[level] = {}
            if header == "region":
                if len(regions) == _MAX_REGIONS:
                    raise EngineError(f"{path} has more than {_MAX_REGIONS:,} regions.")
                outer = {k: v for level in _LEVELS[:-1] for k, v in opcodes[level].items()}
                opcodes["region"] = outer | {
                    "default_path": opcodes["control"].get("default_path", "")
                }
                regions.append(opcodes["region"])
        elif header in opcodes:
            opcodes[header][found[2]] = found[3].strip()
    used = {name for region in regions for name in region} | opcodes["control"].keys()
    playing = [one for one in (_region(each, opcodes["control"], path) for each in regions) if one]
    if not playing:
        raise EngineError(f"{path} plays no sample; give an SFZ instrument with its samples.")
    return playing, tuple(sorted(name for name in used if not _is_played(name)))


def _text(path: Path, folder: Path, left: list[int]) -> str:
    """Read a file with all that it includes; those paths start from the first one's folder."""
    left[0] -= 1
    if left[0] < 0:
        raise EngineError(f"{path} includes more than {_MAX_INCLUDES} files, or itself.")
    text = read_limited(path, _MAX_BYTES).decode("utf-8", "replace")
    text = _COMMENT.sub("", text.replace("\r\n", "\n"))
    return _INCLUDE.sub(lambda found: _text(_inside(folder, found[1]), folder, left), text)


def _region(opcodes: Mapping[str, str], control: Mapping[str, str], path: Path) -> _Region | None:
    """Return a region; None where it does not play for a note at the initial controllers."""
    sample = opcodes.get("sample", "")
    if not sample or sample.startswith("*") or not _plays_at_rest(opcodes, control):
        return None
    file = _inside(path.parent, opcodes["default_path"] + sample)
    key = opcodes.get("key")
    offset = int(_number(control.get("note_offset")) + 12 * _number(control.get("octave_offset")))
    low, high = (
        _key(opcodes.get(name, key), default) for name, default in (("lokey", 0), ("hikey", 127))
    )
    center = opcodes.get("pitch_keycenter", key)
    if center == "sample":
        (named,) = pitches_from_names([file.stem])
        center = None if named is None else str(named)
    return _Region(
        opcodes,
        _existing(file),
        range(low + offset, high + offset + 1),
        range(int(_number(opcodes.get("lovel"))), int(_number(opcodes.get("hivel"), 127)) + 1),
        _key(center, 60) + offset,
    )


def _plays_at_rest(opcodes: Mapping[str, str], control: Mapping[str, str]) -> bool:
    """Whether a region plays when a note starts, first of its round robin, no controller moved."""
    if opcodes.get("trigger", "attack") not in ("attack", "first"):
        return False
    if _number(opcodes.get("seq_position"), 1.0) != 1.0 or _number(opcodes.get("lorand")) > 0.0:
        return False
    switch = opcodes.get("sw_last")
    if switch is not None:
        at_first = opcodes.get("sw_default", opcodes.get("sw_lokey", switch))
        if _key(switch, -1) != _key(at_first, -1):
            return False
    initial = {
        found[1]: value
        for name, value in control.items()
        if (found := _SET_CONTROLLER.fullmatch(name))
    }
    for name, value in opcodes.items():
        found = _CONTROLLER.fullmatch(name)
        if found is not None:
            now = _number(initial.get(found[2]))
            if (now < _number(value)) if found[1] == "lo" else (now > _number(value)):
                return False
    return True


def _is_played(name: str) -> bool:
    return bool(
        name in _PLAYED
        or _CONTROLLER.fullmatch(name)
        or _SET_CONTROLLER.fullmatch(name)
        or _SAYS_NOTHING.fullmatch(name)
    )


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file that an instrument names, written as on Windows or not."""
    relative = Path(name.replace("\\", "/"))
    if relative.is_absolute() or ":" in name:
        raise EngineError(f"{name} is an absolute path; an SFZ instrument names files beside it.")
    return folder / relative


def _existing(path: Path) -> Path:
    """Return a path in the case that its file has: many instruments were made on Windows."""
    if path.exists() or path.parent == path:
        return path
    folder = _existing(path.parent)
    if not folder.is_dir():
        return path
    name = path.name.lower()
    return next((one for one in folder.iterdir() if one.name.lower() == name), path)


def _load(path: Path) -> tuple[FloatArray, int, tuple[int, int] | None]:
    """Decode a sample, and read its loop."""
    try:
        audio, rate = load_audio(path, sample_rate=None, max_seconds=MAX_SAMPLE_SECONDS)
    except CirError as error:
        raise EngineError(str(error)) from None
    return audio, rate, _wav_loop(path)


def _wav_loop(path: Path) -> tuple[int, int] | None:
    """Read the first loop of a WAV file, in frames, its end included."""
    with path.open("rb") as file:
        if file.read(12)[::11] != b"RE":  # RIFF....WAVE
            return None
        while len(head := file.read(8)) == 8:
            kind, size = struct.unpack("<4sI", head)
            if kind == b"smpl":
                body = file.read(min(size, 60))
                if len(body) == 60 and struct.unpack_from("<I", body, 28)[0]:
                    start, end = struct.unpack_from("<II", body, 44)
                    return (start, end) if start < end else None
                return None
            file.seek(size + size % 2, 1)
    return None


def _loop(region: _Region, found: tuple[int, int] | None) -> tuple[int, int] | None:
    start, end = found or (0, -1)
    start = int(region.number("loop_start", region.number("loopstart", start)))
    end = int(region.number("loop_end", region.number("loopend", end)))
    return (start, end) if end > start >= 0 else None


def _looped(audio: FloatArray, start: int, loop: tuple[int, int] | None, wanted: int) -> FloatArray:
    """Return `wanted` samples from `start` on, or as many as there are, round the loop."""
    if loop is None or loop[1] >= audio.size or wanted <= loop[1] - start:
        return audio[start : start + wanted]
    body = audio[loop[0] : loop[1] + 1]
    missing = wanted - (loop[1] + 1 - start)
    return np.concatenate([audio[start : loop[1] + 1], np.resize(body, max(0, missing))])


def _envelope(region: _Region, size: int, held: float, release: float, rate: int) -> FloatArray:
    """Return the amplitude envelope, (T,): delay, attack, hold, decay, sustain and release."""
    delay, attack, hold, decay = (
        max(0.0, region.number(f"ampeg_{name}")) for name in ("delay", "attack", "hold", "decay")
    )
    sustain = min(1.0, max(0.0, region.number("ampeg_sustain", 100.0) / 100.0))
    time = np.arange(size) / rate - delay
    steps = np.cumsum([attack, hold, decay])
    level = np.interp(time, steps, [1.0, 1.0, sustain])
    if attack:
        level = np.where(time < attack, np.maximum(time, 0.0) / attack, level)
    level = np.where(time < 0.0, 0.0, level)
    time = time + delay
    return np.asarray(level * np.clip(1.0 - (time - held) / release, 0.0, 1.0), dtype=np.float32)


def _key(text: str | None, default: int) -> int:
    """Read a key: a MIDI note number, or a name such as c#4; c4 is 60."""
    found = _NOTE_NAME.fullmatch(text or "")
    if found is not None:
        return pitch_of(*found.groups())
    return int(_number(text, default))


def _number(text: str | None, default: float = 0.0) -> float:
    try:
        value = float(text) if text is not None else default
    except ValueError:
        return default
    return value if np.isfinite(value) else default
