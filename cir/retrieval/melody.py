"""The notes of one instrument, estimated from its sound: one line of pitches, or strokes.

Pitches are those of YIN (de Cheveigne and Kawahara, 2002): the shortest lag at which a frame
repeats itself. Of a chord it finds one voice, or the common fundamental.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, minimum_filter1d

from cir.audio.dsp import resample
from cir.types import SAMPLE_RATE, FloatArray, Note

_HOP = 320
_HOP_SECONDS = _HOP / SAMPLE_RATE
_FRAME = 1024
_LAGS = (10, 560)
"""1 600 to 29 Hz."""
_CLEAR = 0.1
"""The first dip counts whose aperiodicity is at most this much above the least."""
_VOICED = 0.35
_AUDIBLE_DB = 30.0
"""Frames further below the loudest are silent."""
_NOTE_DB = 15.0
"""Frames of a single note further below the loudest do not decide its pitch."""
_STROKE_DB = 9.0
"""Rise within `_RISE_FRAMES` that begins a note."""
_RISE_FRAMES = 3
_SHORTEST_FRAMES = 3
_ANOTHER_PITCH = 0.7
"""In semitones."""
_SILENCE_DB = -100.0
_STROKE_PITCH = 60
_LEAST_SHARE = 0.2
"""Least share of the audible frames that notes cover, for a line to be clear."""

_Track = NDArray[np.float64]


def find_notes(audio: FloatArray) -> tuple[Note, ...]:
    """Estimate the melody of one instrument.

    Args:
        audio: Mono at 16 kHz, (T,).

    Returns:
        Notes in order, which do not overlap; none if no line of pitches is clear.
    """
    frames = _frames(audio, _FRAME + _LAGS[1])
    levels = _levels(audio, len(frames))
    pitches = _pitches(frames)
    audible = levels > max(float(levels.max()) - _AUDIBLE_DB, _SILENCE_DB)
    pitches[~audible] = np.nan
    notes = tuple(_note(pitches, levels, start, end) for start, end in _spans(pitches, levels))
    covered = sum(note.duration_seconds for note in notes) / _HOP_SECONDS
    return notes if covered >= _LEAST_SHARE * audible.sum() else ()


def find_pitch(audio: FloatArray, sample_rate: int) -> float | None:
    """Estimate the MIDI pitch of a single note, (T,), between keys; None if it has none."""
    heard = resample(audio, sample_rate, SAMPLE_RATE)
    frames = _frames(heard, _FRAME + _LAGS[1])
    levels = _levels(heard, len(frames))
    pitches = _pitches(frames)[levels > levels.max() - _NOTE_DB]
    voiced = pitches[~np.isnan(pitches)]
    return float(np.median(voiced)) if 2 * len(voiced) >= len(pitches) else None


def find_strokes(audio: FloatArray) -> tuple[Note, ...]:
    """Estimate when a percussion instrument is struck, from mono at 16 kHz, (T,).

    All notes have one pitch.
    """
    levels = _levels(audio, -(-len(audio) // _HOP))
    starts: list[int] = []
    for n in range(len(levels)):
        if _begins(levels, n) and (not starts or n - starts[-1] > _RISE_FRAMES):
            starts.append(n)
    ends = [*starts[1:], len(levels)]
    return tuple(
        Note(
            _STROKE_PITCH,
            _velocity(levels, start, end),
            start * _HOP_SECONDS,
            (end - start) * _HOP_SECONDS,
        )
        for start, end in zip(starts, ends, strict=True)
    )


def _frames(audio: FloatArray, length: int) -> NDArray[np.float32]:
    padded = np.pad(audio, (0, length))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[: len(audio) : _HOP]


def _levels(audio: FloatArray, count: int) -> _Track:
    """Return the level of each hop in dB, (count,)."""
    padded = np.pad(audio, (0, max(0, count * _HOP - len(audio))))[: count * _HOP]
    power = np.square(padded, dtype=np.float64).reshape(count, _HOP).mean(1)
    return np.asarray(10 * np.log10(power + 1e-12))


def _pitches(frames: NDArray[np.float32]) -> _Track:
    """Return the MIDI pitch of each frame, NaN where it has none, (frames,)."""
    aperiodicity = _aperiodicity(frames)  # (frames, lags)
    dips = aperiodicity <= minimum_filter1d(aperiodicity, 9, axis=1)
    lags = (dips & (aperiodicity < aperiodicity.min(1, keepdims=True) + _CLEAR)).argmax(1)
    found = aperiodicity[np.arange(len(lags)), lags]
    pitches = 69.0 + 12.0 * np.log2(SAMPLE_RATE / (lags + _LAGS[0]) / 440.0)
    pitches = median_filter(pitches, 5, mode="nearest")
    return np.where(found < _VOICED, pitches, np.nan)


def _aperiodicity(frames: NDArray[np.float32]) -> _Track:
    """Return YIN's cumulative mean normalised difference from `_LAGS[0]` on, (frames, lags)."""
    shortest, longest = _LAGS
    size = 1 << int(np.ceil(np.log2(frames.shape[1] + _FRAME)))
    head = np.fft.rfft(frames[:, :_FRAME], size)
    products = np.fft.irfft(np.fft.rfft(frames, size) * head.conj(), size)[:, :longest]
    sums = np.cumsum(np.square(frames, dtype=np.float64), axis=1)
    energies = sums[:, _FRAME - 1 : _FRAME - 1 + longest].copy()
    energies[:, 1:] -= sums[:, : longest - 1]
    differences = np.maximum(energies[:, :1] + energies - 2 * products, 0.0)
    lags = np.arange(1, longest)
    means = np.cumsum(differences[:, 1:], axis=1) / lags
    return np.asarray((differences[:, 1:] / np.maximum(means, 1e-12))[:, shortest - 1 :])


def _spans(pitches: _Track, levels: _Track) -> Iterator[tuple[int, int]]:
    """Yield start and end of each note, in frames."""
    start: int | None = None
    for n in range(len(pitches) + 1):
        sounding = n < len(pitches) and not np.isnan(pitches[n])
        if start is not None:
            usual = float(np.nanmedian(pitches[start:n]))
            moves = sounding and abs(pitches[n] - usual) > _ANOTHER_PITCH
            again = sounding and n - start >= _SHORTEST_FRAMES and _begins(levels, n)
            if not sounding or moves or again:
                if n - start >= _SHORTEST_FRAMES:
                    yield start, n
                start = None
        if start is None and sounding:
            start = n


def _begins(levels: _Track, n: int) -> bool:
    """Return whether a stroke begins at a frame: audible, risen, and the first such frame."""
    before = levels[max(0, n - _RISE_FRAMES) : n]
    floor = float(before.min()) if len(before) else -120.0
    audible = levels[n] > levels.max() - _AUDIBLE_DB
    risen = levels[n] > floor + _STROKE_DB
    still = n > 0 and levels[n] - levels[n - 1] < _STROKE_DB / 2
    return bool(audible and risen and not still)


def _note(pitches: _Track, levels: _Track, start: int, end: int) -> Note:
    return Note(
        round(float(np.median(pitches[start:end]))),
        _velocity(levels, start, end),
        start * _HOP_SECONDS,
        (end - start) * _HOP_SECONDS,
    )


def _velocity(levels: _Track, start: int, end: int) -> int:
    """Return the velocity whose square is proportional to the note's amplitude."""
    below_db = float(levels.max() - levels[start:end].max())
    return max(1, round(127 * 10 ** (-below_db / 40)))
