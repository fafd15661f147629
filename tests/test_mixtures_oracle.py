"""The paper's mixtures against the protocol written down literally, draw by draw."""

import numpy as np
import pytest

from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.planning import plan_mixture
from cir.mixtures.pool import NotePool
from cir.mixtures.scales import NOTE_LENGTHS, OTHER_NOTE_LENGTHS, QUARTERS, SCALES
from tests.tone_dataset import ToneDataset


@pytest.fixture(scope="module")
def pool() -> NotePool:
    return NotePool.from_datasets([ToneDataset()], split="train", twins=True)


Slots = list[tuple[int, int]]


def literal_slots(
    generator: np.random.Generator, family: str, quarter: float, n_samples: int
) -> Slots:
    """Starts and lengths, one slot after the other."""
    delay = generator.uniform(0, 0.1) * quarter
    total = n_samples / 16_000 - delay
    lengths = generator.choice(
        QUARTERS,
        size=int(np.ceil(total / (0.25 * quarter))),
        p=NOTE_LENGTHS.get(family, OTHER_NOTE_LENGTHS),
    )
    onsets = [0.0]
    for length in np.cumsum(lengths) * quarter:
        if length < total:
            onsets.append(length)
    jitter = generator.uniform(-0.02, 0.02, len(onsets)) * quarter
    sounds = [
        draw >= 0.25 or family == "percussion" for draw in generator.uniform(size=len(onsets))
    ]
    sounds[0] |= not any(sounds)
    slots = []
    for number, onset in enumerate(onsets):
        end = delay + (onsets[number + 1] if number + 1 < len(onsets) else total)
        start = round((delay + max(0.0, onset + jitter[number])) * 16_000)
        length = min(round(end * 16_000), n_samples) - start
        if sounds[number] and length > 0:
            slots.append((start, length))
    return slots


def literal_rows(
    generator: np.random.Generator, pool: NotePool, instrument: int, classes: set[int], count: int
) -> list[int]:
    """Rows of notes in the scale, by how common their pitch is in the family."""
    chosen = pool.instruments[instrument]
    relatives = [pool.pitches[i.rows] for i in pool.instruments if i.family == chosen.family]
    common = np.bincount(np.concatenate(relatives), minlength=128)
    weights = [common[p] * (p % 12 in classes) for p in pool.pitches[chosen.rows].tolist()]
    if not any(weights):
        return [int(row) for row in generator.choice(chosen.rows, count)]
    return [
        int(r) for r in generator.choice(chosen.rows, count, p=np.divide(weights, sum(weights)))
    ]


@pytest.mark.parametrize("seconds", [0.2, 5.0, 10.0])
def test_every_draw_is_that_of_the_protocol(seconds: float, pool: NotePool) -> None:
    config = MixtureConfig(duration_seconds=seconds, level_range_db=3.0)
    for seed in range(60):
        plan = plan_mixture(seed, pool, config)
        generator = np.random.default_rng([seed, 1])
        cast = [int(generator.choice(pool.of_family(name))) for name in config.families]
        scale = SCALES[str(generator.choice(sorted(SCALES)))]
        root = int(generator.integers(12))
        quarter = 60 / generator.uniform(60, 140)
        assert [stem.instrument for stem in plan.stems] == cast
        for family, stem in zip(config.families, plan.stems, strict=True):
            gain_db = 12.0 * (family == "percussion") + generator.uniform(-1, 1) * 3.0
            slots = literal_slots(generator, family, quarter, round(seconds * 16_000))
            classes = {(step + root) % 12 for step in scale}
            rows = literal_rows(generator, pool, stem.instrument, classes, len(slots))
            assert stem.gain_db == pytest.approx(gain_db)
            assert [note.row for note in stem.notes] == rows
            assert [(note.start, note.length) for note in stem.notes] == slots
