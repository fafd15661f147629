"""Mixtures: a seed decides everything, and the rules of the protocol hold."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import MixturePlan, PlacedNote, StemPlan
from cir.mixtures.planning import plan_mixture
from cir.mixtures.pool import NotePool
from cir.mixtures.recast_audio import apply_recast, draw_recast
from cir.mixtures.render import Mixture, draw_mixture, render_plan
from cir.mixtures.scales import NOTE_LENGTHS, OTHER_NOTE_LENGTHS, SCALES
from tests.tone_bank import TONES_HZ, write_bank

CONFIG = MixtureConfig()
PERCUSSION, BASS, LEAD = range(3)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBankDataset:
    return NoteBankDataset(write_bank(tmp_path_factory.mktemp("bank")))


@pytest.fixture(scope="module")
def pool(bank: NoteBankDataset) -> NotePool:
    return NotePool.from_datasets([bank], split="test")


def test_the_same_seed_gives_the_same_mixture_and_another_another(pool: NotePool) -> None:
    first, same, other = (draw_mixture(seed, pool, CONFIG) for seed in (3, 3, 4))
    assert first.plan == same.plan != other.plan
    np.testing.assert_array_equal(first.mix, same.mix)
    assert np.abs(first.mix - other.mix).max() > 0.1


def test_stems_sum_to_the_mix_whose_peak_is_099(pool: NotePool) -> None:
    for seed in range(5):
        mixture = draw_mixture(seed, pool, CONFIG)
        assert mixture.mix.shape == (160_000,) and mixture.stems.shape == (3, 160_000)
        np.testing.assert_allclose(mixture.stems.sum(0), mixture.mix, atol=1e-5)
        assert np.abs(mixture.mix).max() == pytest.approx(0.99, abs=1e-5)


def test_percussion_is_twelve_decibels_above_the_others(pool: NotePool) -> None:
    peaks = np.abs(draw_mixture(0, pool, CONFIG).stems).max(1)
    assert 20 * np.log10(peaks[PERCUSSION] / peaks[BASS]) == pytest.approx(12, abs=0.01)
    assert peaks[BASS] == pytest.approx(peaks[LEAD], rel=1e-4)


def test_no_stem_is_silent(pool: NotePool) -> None:
    short = replace(CONFIG, duration_seconds=1.0)
    for seed in range(50):
        assert (np.abs(draw_mixture(seed, pool, short).stems).max(1) > 0).all()


def test_one_voice_per_stem(pool: NotePool) -> None:
    for seed in range(20):
        plan = plan_mixture(seed, pool, CONFIG)
        for stem in plan.stems:
            ends = [note.start + note.length for note in stem.notes]
            starts = [note.start for note in stem.notes[1:]]
            overlap = np.array(ends[:-1]) - np.array(starts)
            assert (overlap <= 0.05 * 16_000).all()  # jitter moves onsets by 2 % of a quarter
            assert ends[-1] <= plan.n_samples


def test_note_lengths_follow_the_family(pool: NotePool) -> None:
    """Quarters between onsets of percussion, which has no rests: 0.8 quarters, 0.2 eighths."""
    steady = replace(CONFIG, min_tempo_bpm=60.0, max_tempo_bpm=60.0)
    lengths = Counter[float]()
    for seed in range(40):
        starts = [note.start for note in plan_mixture(seed, pool, steady).stems[PERCUSSION].notes]
        lengths.update(np.round(np.diff(starts) / 16_000 * 2) / 2)
    total = sum(lengths.values())
    assert set(lengths) == {0.5, 1.0}
    assert lengths[1.0] / total == pytest.approx(0.8, abs=0.06)
    for probabilities in (*NOTE_LENGTHS.values(), OTHER_NOTE_LENGTHS):
        assert sum(probabilities) == pytest.approx(1)


def test_a_quarter_of_the_slots_is_silent_but_never_percussion(pool: NotePool) -> None:
    steady = replace(CONFIG, duration_seconds=60.0, min_tempo_bpm=60.0, max_tempo_bpm=60.0)
    sounding = {BASS: 0.0, PERCUSSION: 0.0}
    for seed in range(20):
        plan = plan_mixture(seed, pool, steady)
        for stem in sounding:
            sounding[stem] += sum(note.length for note in plan.stems[stem].notes)
    seconds = 20 * 60 * 16_000
    assert sounding[PERCUSSION] / seconds == pytest.approx(1, abs=0.03)
    assert sounding[BASS] / seconds == pytest.approx(0.75, abs=0.06)


def test_notes_are_in_one_scale_where_the_instrument_can(pool: NotePool) -> None:
    for seed in range(30):
        plan = plan_mixture(seed, pool, CONFIG)
        pitch_classes = {
            int(pool.pitches[note.row]) % 12 for stem in plan.stems for note in stem.notes
        }
        scales = (
            {(step + root) % 12 for step in scale}
            for scale in SCALES.values()
            for root in range(12)
        )
        assert any(pitch_classes <= scale for scale in scales)


def test_given_instruments_play(pool: NotePool) -> None:
    chosen = tuple(pool.of_family(name)[-1] for name in CONFIG.families)
    plan = plan_mixture(0, pool, CONFIG, instruments=chosen)
    assert plan.instrument_ids == tuple(pool.instruments[n].instrument_id for n in chosen)


def test_what_is_heard_is_what_the_plan_says(pool: NotePool) -> None:
    """Every tone of the bank is one frequency: each stem's strongest one is its instrument's."""
    mixture: Mixture = draw_mixture(7, pool, CONFIG)
    for stem, instrument_id in zip(mixture.stems, mixture.plan.instrument_ids, strict=True):
        spectrum = np.abs(np.fft.rfft(stem))
        strongest_hz = np.argmax(spectrum) * 16_000 / len(stem)
        assert strongest_hz == pytest.approx(TONES_HZ[instrument_id], abs=15)


def test_a_plan_is_all_that_rendering_needs(pool: NotePool) -> None:
    mixture = draw_mixture(1, pool, CONFIG)
    np.testing.assert_array_equal(render_plan(mixture.plan, pool).mix, mixture.mix)


def test_cuts_fades_and_gains_at_every_edge(pool: NotePool) -> None:
    """Fades longer than the note, notes beyond the end, cuts within the fade, silent stems."""
    length = pool.length(0)
    placed = (
        PlacedNote(0, 0, 100),
        PlacedNote(1, 50, 2_000, fade=5_000, gain=0.5),
        PlacedNote(2, 7_900, 1_000, fade=800),
        PlacedNote(3, 7_999, 90_000),
        PlacedNote(0, 3_000, length),
        PlacedNote(0, 3_001, length - 1, fade=1),
    )
    stems = (StemPlan(0, -6.0, placed), StemPlan(1, 0.0, ()), StemPlan(2, 3.0, placed[:1]))
    plan = MixturePlan(0, 8_000, ("percussion",) * 3, ("a", "b", "c"), stems)
    expected = np.zeros((3, 200_000))
    for track, stem in zip(expected, stems, strict=True):
        for row, start, longest, fade, gain in stem.notes:
            sound = pool.note(row)[:longest] * gain
            n_faded = min(fade, len(sound)) if pool.length(row) > longest else 0
            sound[len(sound) - n_faded :] *= np.arange(n_faded - 1, -1, -1) / max(n_faded, 1)
            track[start : start + len(sound)] += sound
        peak = np.abs(track[:8_000]).max()
        track *= 10 ** (stem.gain_db / 20) / peak if peak else 1
    expected *= 0.99 / np.abs(expected[:, :8_000].sum(0)).max()
    mixture = render_plan(plan, pool)
    np.testing.assert_allclose(mixture.stems, expected[:, :8_000], atol=1e-5)
    np.testing.assert_allclose(mixture.mix, expected[:, :8_000].sum(0), atol=1e-5)


def test_twins_and_recast_copies_are_instruments_of_their_own(bank: NoteBankDataset) -> None:
    plain = NotePool.from_datasets([bank], split="train")
    full = NotePool.from_datasets([bank], split="train", twins=True, variants=2)
    assert len(full.instruments) == 6 * len(plain.instruments)
    original, *copies = full.instruments[:3]
    for variant, copy in enumerate(copies, start=1):
        assert copy.variant == variant and copy.instrument_id == original.instrument_id
        assert len(copy.rows) == len(original.rows) and not copy.is_original
        recast = draw_recast(copy.instrument_id, variant)
        expected = apply_recast(full.stored_note(int(original.rows[0])), recast)
        heard = full.stored_note(int(copy.rows[0]))
        np.testing.assert_allclose(heard / np.abs(heard).max() * 0.9, expected, atol=0.02)
        shift = full.pitches[copy.rows] - full.pitches[original.rows]
        assert (shift == recast.semitones).all()


def test_a_family_that_the_pool_lacks_is_refused(pool: NotePool) -> None:
    with pytest.raises(DataError, match="organ"):
        plan_mixture(0, pool, MixtureConfig(families=("organ",)))
