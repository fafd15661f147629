"""Random presets for Vital, drawn in the style of each family."""

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from cir.audio.features import clip_samples, log_mel
from cir.datasets.base import DatasetInstrument, RecordedNote, fingerprint
from cir.datasets.midi_statistics import DEFAULT_PATH, load_statistics
from cir.datasets.recorded import MAX_SECONDS, is_broken, record
from cir.datasets.rendered import plan_notes
from cir.engines.vital import VitalEngine
from cir.engines.vital_generator import generate_preset
from cir.errors import DataError, EngineError, InputError
from cir.instruments.families import FAMILIES
from cir.instruments.splits import check_split
from cir.types import SAMPLE_RATE, FloatArray, Note

_N_MELS = 32
_HOP_SAMPLES = 320
_SEGMENT_FRAMES = (0, 3, 8, 20, 50, 100)
"""Edges of the parts of a note, finer during the attack."""

_FLOOR = 0.9
"""Range of normalised log-mels below the loudest band that is compared: 36 dB."""

GENERATOR_VERSION = 1
"""Raise it when the same seeds give other presets."""
SHARES: dict[str, float] = {"synth_lead": 0.30, "bass": 0.25, "percussion": 0.25}
"""Shares of the families of the paper's mixtures; the other families share the rest evenly."""
SHARE_WITH_EFFECTS = 0.6
N_NOTES = 10
N_TWIN_NOTES = 4
NEAREST_DB = 2.0
"""Least distance of an instrument to earlier ones, and of an effects-off twin to its original."""
_ATTEMPTS = 20
_HEARD_SECONDS = 2.0
"""Length of a reference note that is compared."""
_SHORTEST_SECONDS = 0.03
_RING_SECONDS = 1.0
"""Longest tail of a note other than the reference note; rendering tails takes most of the time."""


def summarise(audio: FloatArray) -> NDArray[np.float32]:
    """Return the mean log-mel bands in five parts of a note, (160,), for `distance`.

    Args:
        audio: Mono at 16 kHz with a peak of about 0.9, (T,).
    """
    n_samples = clip_samples(_SEGMENT_FRAMES[-1], _HOP_SAMPLES)
    clip = torch.zeros(1, n_samples)
    heard = torch.from_numpy(audio[:n_samples])
    clip[0, : len(heard)] = heard
    bands = log_mel(clip, hop_samples=_HOP_SAMPLES, n_mels=_N_MELS)[0].numpy()  # (100, 32)
    bands = np.maximum(bands, bands.max() - _FLOOR)
    parts = [
        bands[start:end].mean(0)
        for start, end in zip(_SEGMENT_FRAMES, _SEGMENT_FRAMES[1:], strict=False)
    ]
    summary: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return summary


def distance(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the RMS difference in dB between one summary and each row of others, (N,)."""
    # A normalised log-mel is the natural logarithm of a power over 2 x 4.57.
    decibels = 10.0 / np.log(10.0) * 2 * 4.5689974
    result: NDArray[np.float32] = decibels * np.sqrt(((others - one) ** 2).mean(-1))
    return result


class GeneratedVitalDataset:
    """A number of random presets, all for training; a `NoteDataset`.

    Silent and broken presets and near-duplicates of earlier ones are drawn again. Instruments
    depend on the seed and on those before them: a larger dataset extends a smaller one.

    Args:
        count: Number of instruments without their effects-off twins.
        seed: Seed of all draws.

    Raises:
        InputError: The count is below 1 or the seed below 0.
    """

    name = "vital-generated"

    def __init__(self, count: int, seed: int = 0) -> None:
        if count < 1 or seed < 0:
            raise InputError(
                f"A generated dataset needs at least one instrument and a seed of 0 or more, "
                f"got {count} and {seed}."
            )
        self.seed = seed
        self._statistics = load_statistics()
        self._rows = [self._draw_row(index) for index in range(count)]
        self._index = {row.instrument_id: index for index, (row, _) in enumerate(self._rows)}
        self._seeds: list[int] = []  # of presets: 10 000 of their texts take a gigabyte
        self._summaries: list[NDArray[np.float32]] = []
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        """See `NoteDataset`."""
        return fingerprint(
            self.name,
            [DEFAULT_PATH],
            generator=GENERATOR_VERSION,
            seed=self.seed,
            count=len(self._rows),
        )

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """See `NoteDataset`. An instrument with effects is followed by its twin."""
        check_split(split)
        listed: list[DatasetInstrument] = []
        for row, has_effects in self._rows if split == "train" else []:
            listed.append(row)
            if has_effects:
                listed.append(_twin(row))
        return listed

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """See `NoteDataset`. The first call for an instrument draws all presets before it."""
        return list(self._render(instrument))

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """See `NoteDataset`."""
        return next(self._render(instrument), None)

    def _render(self, instrument: DatasetInstrument) -> Iterator[RecordedNote]:
        index = self._index.get(instrument.instrument_id)
        if index is None or instrument not in (row := self._rows[index][0], _twin(row)):
            raise DataError(f"The dataset {self.name} has no instrument like {instrument}.")
        engine = _open(self.preset(index), instrument)
        if not instrument.effects_on:
            engine = engine.without_effects()
        generator = np.random.default_rng((self.seed, index, 1))
        planned = plan_notes(
            instrument.family, None, self._statistics[instrument.family], generator
        )
        limit = N_NOTES if instrument.effects_on else N_TWIN_NOTES
        n_played = 0
        for note in planned:
            played = _play(engine, note, min(MAX_SECONDS, note.duration_seconds + _RING_SECONDS))
            if played is not None:
                n_played += 1
                yield played
            if n_played in (0, limit):  # without a reference note, the others are useless
                return

    def preset(self, index: int) -> str:
        """Return the preset of an instrument, the text of a .vital file."""
        with self._lock:
            while len(self._seeds) <= index:
                self._settle_next()
        return self._generate(index, self._seeds[index])

    def _draw_row(self, index: int) -> tuple[DatasetInstrument, bool]:
        generator = np.random.default_rng((self.seed, index))
        rest = (1.0 - sum(SHARES.values())) / (len(FAMILIES) - len(SHARES))
        shares = [SHARES.get(family, rest) for family in FAMILIES]
        family = FAMILIES[int(generator.choice(len(FAMILIES), p=shares))]
        has_effects = bool(generator.random() < SHARE_WITH_EFFECTS)
        name = f"{self.name}-{self.seed}-{index:06d}"
        return DatasetInstrument(name, family, "train"), has_effects

    def _generate(self, index: int, seed: int) -> str:
        row, has_effects = self._rows[index]
        return generate_preset(str(row.family), seed, effects=has_effects)

    def _settle_next(self) -> None:
        """Draw the preset of the next instrument: it sounds, and differs from all before it."""
        index = len(self._seeds)
        row = self._rows[index][0]
        others = np.stack(self._summaries) if self._summaries else None
        for attempt in range(_ATTEMPTS):
            draws = np.random.SeedSequence((self.seed, index, 2, attempt))
            seed = int(draws.generate_state(1)[0])
            summary = self._listen(self._generate(index, seed), row)
            if summary is None:
                continue
            if others is None or distance(summary, others).min() > NEAREST_DB:
                self._seeds.append(seed)
                self._summaries.append(summary)
                return
        raise EngineError(
            f"No new {row.family} preset in {_ATTEMPTS} attempts after {index} instruments; "
            "generate fewer instruments."
        )

    def _listen(self, preset: str, row: DatasetInstrument) -> NDArray[np.float32] | None:
        """Summarise the reference note; None if it or that of the twin is useless."""
        engine = _open(preset, row)
        statistics = self._statistics[row.family]
        note = next(plan_notes(row.family, None, statistics, np.random.default_rng(0)))
        reference = _play(engine, note, _HEARD_SECONDS)
        if reference is None or reference.audio.size < _SHORTEST_SECONDS * SAMPLE_RATE:
            return None
        summary = summarise(reference.audio)
        if engine.has_effects:
            dry = _play(engine.without_effects(), note, _HEARD_SECONDS)
            if dry is None or distance(summary, summarise(dry.audio)[None])[0] < NEAREST_DB:
                return None
        return summary


def _twin(row: DatasetInstrument) -> DatasetInstrument:
    return DatasetInstrument(row.instrument_id, row.family, row.split, effects_on=False)


def _open(preset: str, row: DatasetInstrument) -> VitalEngine:
    return VitalEngine.from_text(preset, row.instrument_id, one_synth=True)


def _play(engine: VitalEngine, note: Note, seconds: float) -> RecordedNote | None:
    """Play a note; None if it is silent or broken."""
    try:
        audio = engine.render([note], seconds, SAMPLE_RATE)
    except EngineError:  # NaN or infinite samples
        return None
    played = record(note.pitch, audio)
    return None if played is None or is_broken(played.audio) else played
