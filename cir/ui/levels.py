"""How loud sounds of the page are, so that two of them can be compared at one loudness."""

from functools import lru_cache
from pathlib import Path

import soundfile

from cir.audio.io import load_audio
from cir.audio.loudness import integrated_loudness
from cir.errors import InputError
from cir.ui.mixes import Region


@lru_cache(maxsize=4096)
def sound_level(path: Path) -> float | None:
    """Measure a preview or phrase in LUFS; None where the file cannot be read."""
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (RuntimeError, OSError):
        return None
    return integrated_loudness(audio, sample_rate)


def mix_level(path: Path, region: Region | None) -> float | None:
    """Measure a passage of a mix in LUFS, at the file's own rate and with its own channels."""
    try:
        with soundfile.SoundFile(path) as sound:
            rate = sound.samplerate
            start = 0 if region is None else min(round(region.start_seconds * rate), sound.frames)
            end = sound.frames if region is None else round(region.end_seconds * rate)
            sound.seek(start)
            audio = sound.read(max(0, end - start), dtype="float32")
    except (RuntimeError, OSError):  # what FFmpeg reads, libsndfile does not
        try:
            audio, rate = load_audio(path, sample_rate=None)
        except InputError:
            return None
        if region is not None:
            audio = audio[round(region.start_seconds * rate) : round(region.end_seconds * rate)]
    return integrated_loudness(audio, rate)
