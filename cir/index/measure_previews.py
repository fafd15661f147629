"""Measurement of brightness, attack and noisiness, see `cir.index.descriptors`.

The definitions are those of the Timbre Toolbox (`cir.baselines.timbre_toolbox`), on frames that are
long enough to tell the partials of a low note from noise.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio
from cir.baselines.descriptors import to_clip
from cir.baselines.timbre_toolbox.description import (
    AUDIBLE_DB,
    audible,
    centred_frames,
    power_spectra,
)
from cir.baselines.timbre_toolbox.spectral import flatness, moments
from cir.baselines.timbre_toolbox.temporal import ENVELOPE_RATE, energy_envelope, find_attack
from cir.errors import InputError
from cir.files import writing
from cir.index.bundle import PREVIEWS_NAME, Bundle, locked, read_bundle
from cir.index.descriptors import Descriptors, read_descriptors, write_descriptors
from cir.types import SAMPLE_RATE, FloatArray, Progress

WINDOW_SAMPLES = 2048
"""128 ms."""
HOP_SAMPLES = 512
LOWEST_HZ = 50.0
"""Flatness is that of the spectrum above."""
LEAST_ATTACK_SECONDS = 1e-3

_BATCH = 128


def describe(sound: FloatArray, sample_rate: int) -> Descriptors:
    """Measure one sound, (T,), whose level has no influence.

    Brightness is the centroid of the magnitudes, noisiness the flatness of the power, each the
    median over the audible frames.

    Raises:
        InputError: It is not 1-D, is empty or silent, or has NaN or infinite samples.
    """
    audio = to_clip(sound, sample_rate)
    if not audio.any():
        raise InputError("A silent sound has no timbre to measure; give one that can be heard.")
    frames = centred_frames(audio, WINDOW_SAMPLES, HOP_SAMPLES)
    power = power_spectra(frames, _window(), WINDOW_SAMPLES)  # (F, K)
    power = power[audible(power.sum(axis=1), AUDIBLE_DB)]
    bins_hz = np.arange(power.shape[1], dtype=np.float32) * (SAMPLE_RATE / WINDOW_SAMPLES)
    centroids, *_ = moments(_shares(np.sqrt(power)), bins_hz)
    flat = flatness(_shares(power[:, bins_hz >= LOWEST_HZ]))
    attack = find_attack(energy_envelope(audio, SAMPLE_RATE), ENVELOPE_RATE)
    return Descriptors(
        brightness_hz=max(float(np.median(centroids)), 1.0),
        attack_seconds=max((attack.end - attack.start) / ENVELOPE_RATE, LEAST_ATTACK_SECONDS),
        flatness_db=min(10.0 * float(np.log10(np.median(flat))), 0.0),
    )


def describe_previews(bundle: Bundle, ids: Iterable[str]) -> dict[str, Descriptors]:
    """Measure the previews of instruments, by id; those without a usable one are left out."""
    measured = {}
    for instrument_id in ids:
        path = bundle.sound(PREVIEWS_NAME, instrument_id)
        if path is None:
            continue
        try:
            measured[instrument_id] = describe(*load_audio(path, sample_rate=SAMPLE_RATE))
        except InputError:
            continue
    return measured


def fill_descriptors(folder: Path, progress: Progress | None = None) -> tuple[int, int]:
    """Measure the previews of a database that were not measured yet.

    They are stored a few hundred at a time: an interrupted call is continued by the next one.

    Returns:
        The number of instruments that were measured, and of those that have no usable preview.

    Raises:
        DatabaseError: There is no database, or it is damaged.
        StorageError: The disk is full.
    """
    tried: set[str] = set()
    n_measured = 0
    while True:
        with writing(folder), locked(folder):
            bundle = read_bundle(folder)
            known = read_descriptors(folder)
            missing = [one for one in bundle.catalog.ids if one not in known and one not in tried]
            if not missing:
                return n_measured, len(bundle.catalog) - len(known)
            batch = missing[:_BATCH]
            measured = describe_previews(bundle, batch)
            write_descriptors(folder, {**known, **measured})
        tried.update(batch)
        n_measured += len(measured)
        if progress is not None:
            share = 1.0 - (len(missing) - len(batch)) / len(bundle.catalog)
            progress(share, "Measuring brightness, attack and noisiness")


def _shares(spectra: FloatArray) -> FloatArray:
    """Divide each frame by its sum, (F, K)."""
    total = np.maximum(spectra.sum(axis=1, keepdims=True), np.float32(1e-20))
    return np.asarray(spectra / total)


@lru_cache(maxsize=1)
def _window() -> FloatArray:
    return np.hanning(WINDOW_SAMPLES).astype(np.float32)
