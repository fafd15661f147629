"""Realistic mixtures: what makes them so can be found in their plans."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.errors import DataError, InputError
from cir.instruments.families import FAMILIES
from cir.mixtures.effects import CODECS
from cir.mixtures.groove import CHORD_PROBABILITY, MAX_VOICES, draw_groove, draw_slots
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import MixturePlan, StemPlan
from cir.mixtures.planning import plan_mixture, plan_sounding
from cir.mixtures.pool import NotePool
from cir.mixtures.render import draw_mixture, render_plan
from tests.tone_dataset import ToneDataset

CONFIG = MixtureConfig("realistic")
SEEDS = range(150)


@pytest.fixture(scope="module")
def pool() -> NotePool:
    return NotePool.from_datasets([ToneDataset()], split="train", twins=True)


@pytest.fixture(scope="module")
def plans(pool: NotePool) -> list[MixturePlan]:
    return [plan_sounding(seed, pool, CONFIG) for seed in SEEDS]


def stems_of(plans: list[MixturePlan], family: str) -> list[StemPlan]:
    return [
        stem
        for plan in plans
        for name, stem in zip(plan.families, plan.stems, strict=True)
        if name == family
    ]


def test_a_seed_decides_everything(pool: NotePool) -> None:
    config = replace(CONFIG, duration_seconds=2.0)
    first, same, other = (draw_mixture(seed, pool, config) for seed in (3, 3, 4))
    assert first.plan == same.plan != other.plan
    np.testing.assert_array_equal(first.mix, same.mix)
    assert np.abs(first.mix).max() == pytest.approx(0.99, abs=1e-5)


def test_two_to_six_instruments_of_any_families(plans: list[MixturePlan]) -> None:
    assert {len(plan.stems) for plan in plans} == {2, 3, 4, 5, 6}
    assert {family for plan in plans for family in plan.families} == set(FAMILIES)
    for plan in plans:
        assert len(set(plan.families)) == len(plan.stems)


def test_families_may_repeat_but_no_instrument_meets_its_twin(pool: NotePool) -> None:
    config = replace(CONFIG, families=("bass", "organ"), max_stems=4)
    plans = [plan_mixture(seed, pool, config) for seed in range(40)]
    assert any(len(set(plan.families)) < len(plan.stems) for plan in plans)
    for plan in plans:
        assert set(plan.families) <= {"bass", "organ"}
        assert len(set(plan.instrument_ids)) == len(plan.stems) >= 2


def test_chords_are_of_the_families_that_play_them(
    plans: list[MixturePlan], pool: NotePool
) -> None:
    sizes: dict[str, Counter[int]] = {family: Counter() for family in FAMILIES}
    for family in FAMILIES:
        for stem in stems_of(plans, family):
            # A chord's voices follow each other within 20 ms and are equally loud.
            chords = Counter(note.gain for note in stem.notes)
            sizes[family].update(chords.values())
            for gain in chords:
                chord = [pool.pitches[note.row] for note in stem.notes if note.gain == gain]
                starts = [note.start for note in stem.notes if note.gain == gain]
                assert len(set(chord)) == len(chord) and max(starts) - min(starts) <= 320
    for family, counted in sizes.items():
        assert (max(counted) > 1) == (family in CHORD_PROBABILITY)
        assert max(counted) <= MAX_VOICES


def test_notes_ring_beyond_their_slots(plans: list[MixturePlan]) -> None:
    for stem in stems_of(plans, "reed"):
        overlaps = [
            note.start + note.length > later.start
            for note, later in zip(stem.notes[:-1], stem.notes[1:], strict=True)
        ]
        assert all(note.fade >= 480 for note in stem.notes)
        assert any(overlaps) or len(overlaps) < 3 or max(n.fade for n in stem.notes) < 8_000


def test_a_tail_fades_slowly_and_a_mixture_ends_in_the_middle_of_it(pool: NotePool) -> None:
    stem = plan_mixture(0, pool, CONFIG).stems[0]
    note = stem.notes[0]._replace(start=0, length=4_000, fade=2_000, gain=1.0, row=7)
    plan = plan_mixture(0, pool, replace(CONFIG, effects_probability=0, codec_probability=0))

    def render(n_samples: int) -> np.ndarray:
        alone = replace(plan, n_samples=n_samples, stems=(replace(stem, notes=(note,)),))
        return render_plan(alone, pool).mix

    whole, cut = render(6_000), render(3_000)
    recorded = pool.stored_note(7)[:6_000]
    ratio = whole[:4_000:10] / np.where(recorded[:4_000:10] == 0, 1, recorded[:4_000:10])
    loud = np.abs(recorded[:4_000:10]) > 0.02
    expected = np.minimum(1, (3_999 - np.arange(0, 4_000, 10)) / 2_000) * np.median(ratio[:200])
    np.testing.assert_allclose(ratio[loud], expected[loud], rtol=1e-3)
    assert not whole[4_000:].any()
    np.testing.assert_allclose(cut, whole[:3_000], atol=1e-6)


def test_bars_of_silence_and_swing_come_and_go() -> None:
    generator = np.random.default_rng(0)
    grooves = [draw_groove(generator, (60, 60), 480_000) for _ in range(200)]
    assert 0.2 < np.mean([groove.swing > 0.5 for groove in grooves]) < 0.4
    straight = replace(grooves[0], swing=0.5, entry_quarters=0.0)
    silent = replace(straight, breaks=np.arange(len(straight.breaks)) == 2)  # 8 s to 12 s
    swung = replace(straight, swing=0.66)
    late = set[int]()
    for seed in range(30):
        starts, lengths = draw_slots(np.random.default_rng(seed), silent, "organ")
        assert (lengths > 0).all() and (starts >= 0).all() and (starts < 480_000).all()
        assert not ((starts / 16_000 > 8.05) & (starts / 16_000 < 11.9)).any()
        phases = draw_slots(np.random.default_rng(seed), swung, "organ")[0] / 16_000 % 1
        late |= set(np.round(phases, 1))
    assert 0.7 in late and 0.5 not in late


def test_levels_and_loudness_vary(plans: list[MixturePlan]) -> None:
    levels = [stem.gain_db for plan in plans for stem in plan.stems]
    assert np.std(levels) == pytest.approx(4, abs=0.6)
    gains = [note.gain for plan in plans for stem in plan.stems for note in stem.notes]
    assert 0.3 < min(gains) < 0.45 and 0.9 < max(gains) <= 1


def test_effects_are_drawn_as_often_as_wanted(plans: list[MixturePlan], pool: NotePool) -> None:
    effects = [plan.effects for plan in plans]
    for name in ("equaliser_db", "reverb", "noise"):
        assert np.mean([bool(getattr(one, name)) for one in effects]) == pytest.approx(
            0.5, abs=0.15
        )
    codecs = [one.codec for one in effects if one.codec is not None]
    assert 0.03 < len(codecs) / len(plans) < 0.2
    assert all(codec.format in CODECS for codec in codecs)
    dry = replace(CONFIG, effects_probability=0, codec_probability=0)
    assert plan_mixture(0, pool, dry).effects.is_dry
    assert plan_mixture(0, pool, MixtureConfig()).effects.is_dry


class Silent(ToneDataset):
    """The bass is heard after a second, the organ never."""

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        (tone, *_) = super().notes(instrument)
        silence = np.zeros(16_000, np.float32)
        if instrument.family == "bass":
            return [replace(tone, audio=np.concatenate([silence, tone.audio]))]
        return [replace(tone, audio=silence if instrument.family == "organ" else tone.audio)]


@pytest.mark.parametrize("setting", ["paper", "realistic"])
def test_a_silent_stem_is_drawn_again(setting: str) -> None:
    pool = NotePool.from_datasets([Silent("s", ("bass", "reed", "organ"))], split="test")
    config = MixtureConfig(
        setting,  # type: ignore[arg-type]
        families=("bass", "reed"),
        duration_seconds=4.0,
        effects_probability=0,
        codec_probability=0,
    )
    redrawn = 0
    for seed in range(20):
        mixture = draw_mixture(seed, pool, config)
        assert (np.abs(mixture.stems).max(1) > 1e-3).all()
        redrawn += mixture.plan.seed != seed
        stems = render_plan(plan_mixture(seed, pool, config), pool).stems
        heard = (np.abs(stems).max(1) > 1e-3).all()
        assert heard or mixture.plan.seed != seed
    assert redrawn > 0
    with pytest.raises(DataError, match="silent"):
        plan_sounding(0, pool, replace(config, families=("bass", "organ")))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"setting": "loud"}, "setting"),
        ({"families": ("theremin",)}, "theremin"),
        ({"min_stems": 4, "max_stems": 3}, "min_stems"),
        ({"max_stems": 99}, "max_stems"),
        ({"codec_probability": 1.5}, "codec_probability"),
        ({"duration_seconds": 0.0}, "duration"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(CONFIG, **changes)  # type: ignore[arg-type]


def test_a_pool_without_enough_instruments_is_said(pool: NotePool) -> None:
    small = NotePool.from_datasets([ToneDataset("t", ("bass",))], split="test")
    with pytest.raises(DataError, match="bass"):
        plan_mixture(0, small, CONFIG)
    with pytest.raises(InputError, match="one instrument of each"):
        plan_mixture(0, pool, MixtureConfig(), instruments=(0, 1))
