"""Training without sound: caches, pools and batches of levels, and that they agree with sound."""

import csv
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.audio.bands import LEVEL_FLOOR, NEPERS_PER_UNIT, POWER_FLOOR, SOFTEST, BandConfig
from cir.audio.dsp import pad_or_trim
from cir.audio.log_frequency import bring_to_level, log_bands, normalise_peak
from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.plan import MixturePlan, PlacedNote
from cir.mixtures.planning import plan_sounding
from cir.mixtures.pool import NotePool
from cir.mixtures.render import render_plan
from cir.mixtures.scales import SCALES
from cir.model.conv_ast import ConvAst
from cir.model.network_config import ConvAstConfig
from cir.training import mixture_batches, note_batches
from cir.training.feature_cache import KEPT_FRAMES, FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.level_changes import Recast
from cir.training.mixture_batches import MixtureBatch, MixtureSampler, Slots
from cir.training.note_batches import NoteBatch, NoteSampler
from cir.types import SAMPLE_RATE
from tests.tone_bank import write_bank
from tests.tone_dataset import ToneDataset
from tests.voices_dataset import FAMILIES, VoicesDataset

pytestmark = pytest.mark.slow

BANDS = BandConfig()
FEW = BandConfig(bands_per_octave=4, n_bands=32, n_long_bands=16)
_EXACT = "donot_use_mm_for_euclid_dist"
PLAN_FRAMES = 500
"""All of a mixture of 10 s."""


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def cache(folder: Path) -> FeatureCache:
    return FeatureCache.open(folder, VoicesDataset(), BANDS)


@pytest.fixture(scope="module")
def pool(cache: FeatureCache) -> FeaturePool:
    return FeaturePool.join([cache], [1.0])


@pytest.fixture(scope="module")
def note_pool() -> NotePool:
    """The same notes in the same order, as sound."""
    return NotePool.from_datasets([VoicesDataset()], split="train", twins=True)


# The cache.


def directly(
    note: RecordedNote, bands: BandConfig
) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    audio = pad_or_trim(note.audio, bands.clip_samples(KEPT_FRAMES))
    levels = log_bands(normalise_peak(torch.tensor(audio)[None]), bands)
    return levels[0].numpy().astype(np.float16)


def check_cache(cache: FeatureCache, dataset: NoteDataset, bands: BandConfig) -> None:
    row = 0
    table = cache.table
    known = [(split, one) for split in ("train", "valid") for one in dataset.instruments(split)]
    for number, (split, one) in enumerate(known):
        assert (table.ids[number], table.splits[number]) == (one.instrument_id, split)
        assert (table.families[number], table.effects_on[number]) == (one.family, one.effects_on)
        assert table.sources[number] == dataset.name
        for note in dataset.notes(one):
            assert table.instruments[row] == number
            assert table.pitches[row] == note.pitch
            assert table.gains[row] == pytest.approx(10 ** (-note.gain_db / 20), rel=1e-5)
            assert table.lengths[row] == min(KEPT_FRAMES, math.ceil(len(note.audio) / 320))
            np.testing.assert_array_equal(cache.levels[row], directly(note, bands))
            row += 1
    assert len(cache.levels) == len(cache.table.instruments) == row


def test_a_cache_holds_the_features_of_every_note(cache: FeatureCache) -> None:
    check_cache(cache, VoicesDataset(), BANDS)


def test_a_cache_of_a_bank_holds_what_its_files_hold_until_they_change(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "bank")
    caches = tmp_path / "caches"
    check_cache(FeatureCache.open(caches, NoteBankDataset(bank), FEW), NoteBankDataset(bank), FEW)
    written = {path: path.stat().st_mtime_ns for path in caches.rglob("*")}
    FeatureCache.open(caches, NoteBankDataset(bank), FEW)
    assert {path: path.stat().st_mtime_ns for path in caches.rglob("*")} == written

    with (bank / "notes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["gain_db"] = "-12.5"
    with (bank / "notes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    changed = FeatureCache.open(caches, NoteBankDataset(bank), FEW)
    check_cache(changed, NoteBankDataset(bank), FEW)
    np.testing.assert_allclose(changed.table.gains, 10 ** (12.5 / 20), rtol=1e-5)


class Spied(VoicesDataset):
    """Notes down what it is asked for."""

    def __init__(self, name: str = "voices") -> None:
        super().__init__(name)
        self.splits: list[str] = []
        self.played: list[str] = []

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        self.splits.append(split)
        return super().instruments(split)

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        self.played.append(instrument.instrument_id)
        return super().notes(instrument)


def test_test_instruments_are_not_even_asked_for(tmp_path: Path) -> None:
    dataset = Spied()
    cache = FeatureCache.open(tmp_path, dataset, FEW)
    assert set(dataset.splits) == {"train", "valid"}
    test = {one.instrument_id for one in VoicesDataset().instruments("test")}
    assert not test & (set(cache.table.ids.tolist()) | set(dataset.played))
    assert set(cache.table.splits.tolist()) == {"train", "valid"}


def test_a_cache_is_found_again_without_playing_a_note(tmp_path: Path) -> None:
    first = FeatureCache.open(tmp_path, Spied(), FEW)
    again = Spied()
    found = FeatureCache.open(tmp_path, again, FEW)
    assert again.played == []
    np.testing.assert_array_equal(found.levels, first.levels)
    assert isinstance(found.levels, np.memmap)
    for other, bands in ((Spied("others"), FEW), (Spied(), replace(FEW, n_bands=28))):
        FeatureCache.open(tmp_path, other, bands)
        assert other.played


class PartlySilent(VoicesDataset):
    """The first note of all instruments is silent, and all notes of the first one are."""

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        notes = super().notes(instrument)
        silent = len(notes) if instrument.instrument_id == "percussion-0" else 1
        nothing = [RecordedNote(one.pitch, 0 * one.audio, 0.0) for one in notes[:silent]]
        return nothing + notes[silent:]


def test_silent_notes_and_instruments_are_left_out(tmp_path: Path) -> None:
    cache = FeatureCache.open(tmp_path, PartlySilent("partly"), FEW)
    assert "percussion-0" not in cache.table.ids
    assert np.unique(cache.table.instruments).tolist() == list(range(len(cache.table.ids)))
    assert np.all(cache.levels.max((1, 2)) > LEVEL_FLOOR + 0.5)
    with pytest.raises(DataError, match="nobody has no note to train on"):
        FeatureCache.open(tmp_path, VoicesDataset("nobody", families=()), FEW)


def test_silence_survives_half_precision(cache: FeatureCache) -> None:
    """Batches take whatever is not above the floor for silent."""
    after_the_end = cache.levels[0, cache.table.lengths[0] + 4 :].astype(np.float32)
    assert len(after_the_end)
    assert np.all(after_the_end <= LEVEL_FLOOR)


# The pool.


def test_the_pool_has_the_training_instruments_and_their_tables(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    instruments = VoicesDataset().instruments("train")
    assert pool.families == tuple(one.family for one in instruments)
    assert set(pool.sources) == {"voices"}
    assert pool.plays.tolist() == [one.effects_on for one in instruments]
    assert pool.weights.tolist() == [1.0 if one.effects_on else 0.5 for one in instruments]
    by_family: dict[str, Counter[int]] = {family: Counter() for family in FAMILIES}
    for one in instruments:
        by_family[one.family or ""].update(note.pitch for note in VoicesDataset().notes(one))
    for number, one in enumerate(instruments):
        notes = VoicesDataset().notes(one)
        rows = pool.rows[number].tolist()
        assert rows[len(notes) :] == [-1] * (len(rows) - len(notes))
        assert int(pool.n_notes[number]) == len(notes)
        for row, note in zip(rows, notes, strict=False):
            np.testing.assert_array_equal(pool.levels[row].numpy(), directly(note, BANDS))
            assert int(pool.pitches[row]) == note.pitch
            own_power = 10 ** (-note.gain_db / 10)
            assert float(pool.log_gains[row]) == pytest.approx(math.log(own_power), abs=1e-5)
            assert int(pool.pitch_weights[row]) == by_family[one.family or ""][note.pitch]
    assert len(pool.levels) == int(pool.n_notes.sum()) < len(cache.levels)


def test_families_have_the_instruments_that_may_play(pool: FeaturePool) -> None:
    for family in FAMILIES:
        wanted = [
            number
            for number, one in enumerate(VoicesDataset().instruments("train"))
            if one.family == family and one.effects_on
        ]
        assert pool.of_family(family).tolist() == wanted
    assert pool.of_family("organ").tolist() == []


def test_pools_join_several_datasets_with_weights(folder: Path, cache: FeatureCache) -> None:
    tones = FeatureCache.open(folder, ToneDataset("tones", ("bass", "organ")), BANDS)
    joined = FeaturePool.join([cache, tones], [1.0, 0.25])
    alone = FeaturePool.join([tones], [1.0])
    n_before = len(FeaturePool.join([cache], [1.0]).rows)
    assert joined.sources == ("voices",) * n_before + ("tones",) * len(alone.rows)
    assert sorted(set(joined.weights[n_before:].tolist())) == [0.125, 0.25]
    for number in range(len(alone.rows)):
        rows, own = joined.rows[n_before + number], alone.rows[number]
        assert torch.equal(joined.levels[rows[rows >= 0]], alone.levels[own[own >= 0]])
        assert torch.equal(joined.pitches[rows[rows >= 0]], alone.pitches[own[own >= 0]])
    assert set(joined.of_family("organ").tolist()) >= {n_before + 4, n_before + 6}
    with pytest.raises(DataError, match="None of the datasets has a training instrument"):
        FeaturePool.join([], [])


def test_any_note_is_any_of_the_instruments_own(pool: FeaturePool) -> None:
    instruments = torch.arange(len(pool.rows)).repeat(200, 1)
    drawn = pool.any_note(instruments, seeded(0))
    assert drawn.shape == instruments.shape
    for number in range(len(pool.rows)):
        own = pool.rows[number][pool.rows[number] >= 0].tolist()
        assert sorted(set(drawn[:, number].tolist())) == sorted(own)


# Batches of notes.


def note_sampler(pool: FeaturePool, recast: float = 0.0, layered: float = 0.0) -> NoteSampler:
    return NoteSampler(
        pool,
        BANDS,
        lengths=(64,),
        n_instruments=8,
        notes_per_instrument=2,
        recast_share=recast,
        layered_share=layered,
    )


def find_rows(pool: FeaturePool, batch: NoteBatch) -> list[int]:
    """Which notes of the pool the batch consists of."""
    known = bring_to_level(pool.notes(torch.arange(len(pool.levels)), 64)).flatten(1)
    distances = torch.cdist(batch.levels.flatten(1), known, compute_mode=_EXACT)
    assert float(distances.min(1).values.max()) < 1e-2
    return distances.argmin(1).tolist()


def test_a_batch_has_different_notes_of_one_instrument_under_one_label(pool: FeaturePool) -> None:
    owner = {int(row): n for n, rows in enumerate(pool.rows) for row in rows if row >= 0}
    for seed in range(5):
        batch = note_sampler(pool).draw(seeded(seed))
        assert batch.levels.shape == (16, 64, BANDS.n_bands)
        assert batch.labels.tolist() == [number for number in range(8) for _ in range(2)]
        rows = find_rows(pool, batch)
        owners = [owner[row] for row in rows]
        assert owners[0::2] == owners[1::2]
        assert len(set(owners)) == 8  # nobody under two labels
        assert all(first != second for first, second in zip(rows[0::2], rows[1::2], strict=True))


@pytest.mark.parametrize(("recast", "layered"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.0, 0.0)])
def test_a_batch_of_notes_is_decided_by_the_seed(
    pool: FeaturePool, recast: float, layered: float
) -> None:
    sampler = note_sampler(pool, recast, layered)
    first, again, other = (sampler.draw(seeded(seed)).levels for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.isfinite(first).all()
    assert float(first.amax()) == pytest.approx(1.0)
    assert float(first.amin()) >= SOFTEST - 1e-6


def test_a_batch_hears_one_of_the_lengths(pool: FeaturePool) -> None:
    sampler = replace(note_sampler(pool, 0.5, 0.5), lengths=(16, 64))
    drawn = [sampler.draw(seeded(seed)).levels for seed in range(8)]
    assert {batch.shape[1] for batch in drawn} == {16, 64}
    assert torch.equal(drawn[0], sampler.draw(seeded(0)).levels)


def test_so_many_of_a_batch_are_changed_as_asked_for(pool: FeaturePool) -> None:
    plain = note_sampler(pool).draw(seeded(1)).levels.view(8, 2, -1)
    for recast, layered, n_changed in (
        (0.5, 0.0, 4),
        (0.0, 0.25, 2),
        (0.25, 0.5, 4),
        (0.5, 0.5, 6),
    ):
        changed = note_sampler(pool, recast, layered).draw(seeded(1)).levels.view(8, 2, -1)
        differs = (changed != plain).any(-1)
        assert torch.equal(differs[:, 0], differs[:, 1])
        assert int(differs[:, 0].sum()) == n_changed


def test_twins_are_drawn_half_as_often(pool: FeaturePool) -> None:
    sampler = NoteSampler(pool, BANDS, (4,), n_instruments=1, recast_share=0, layered_share=0)
    owner = {int(row): n for n, rows in enumerate(pool.rows) for row in rows if row >= 0}
    known = bring_to_level(pool.notes(torch.arange(len(pool.levels)), 4)).flatten(1)
    generator = seeded(0)
    counts: Counter[bool] = Counter()
    for _ in range(600):
        levels = sampler.draw(generator).levels[0].flatten()
        row = int((known - levels).abs().sum(1).argmin())
        counts[bool(pool.plays[owner[row]])] += 1
    n_twins = int((~pool.plays).sum())
    expected = 0.5 * n_twins / (0.5 * n_twins + int(pool.plays.sum()))
    assert counts[False] / 600 == pytest.approx(expected, abs=0.04)


def test_a_second_layer_plays_the_same_pitch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_batches, "_DETUNES", (0,))
    monkeypatch.setattr(note_batches, "_LAYER_DB", (0.0, 0.0))
    tones = FeaturePool.join([FeatureCache.open(folder, ToneDataset("many"), BANDS)], [1.0])
    sampler = NoteSampler(tones, BANDS, (12,), n_instruments=10)
    rows = tones.rows[torch.arange(0, 40, 4)][:, [0, 5]]
    first = tones.notes(rows.flatten(), 12)
    both = sampler._layer(first.clone(), rows, seeded(0))
    power = (both * NEPERS_PER_UNIT).exp() - (first * NEPERS_PER_UNIT).exp()
    assert float(power.min()) >= -1e-3
    heard = power.sum(1).argmax(-1)
    hertz = 440 * 2 ** ((tones.pitches[rows.flatten()] - 69) / 12)
    wanted = torch.log2(hertz / BANDS.lowest_hz) * BANDS.bands_per_octave
    assert float((heard - wanted).abs().max()) <= 1.5


# Batches of mixtures.


def mixture_sampler(pool: FeaturePool, n: int = 16, **changes: float) -> MixtureSampler:
    return MixtureSampler(pool, BANDS, n_frames=96, n_mixtures=n, **changes)


@pytest.fixture(scope="module")
def batch(pool: FeaturePool) -> MixtureBatch:
    return mixture_sampler(pool).draw(FAMILIES, seeded(0))


def test_only_instruments_of_the_families_play(pool: FeaturePool, batch: MixtureBatch) -> None:
    assert batch.families == FAMILIES
    assert batch.levels.shape == (16, 96, BANDS.n_bands)
    assert batch.stem_power.shape == (16, 3, 96, BANDS.n_bands)
    for column, family in enumerate(FAMILIES):
        group = pool.of_family(family)
        assert torch.equal(group[batch.members[:, column]], batch.instruments[:, column])
        assert {pool.families[n] for n in batch.instruments[:, column].tolist()} == {family}
        assert len(set(batch.members[:, column].tolist())) > 2
    assert pool.plays[batch.instruments].all()
    other_way_round = mixture_sampler(pool).draw(("bass", "percussion"), seeded(0))
    assert other_way_round.instruments.shape == (16, 2)
    assert {pool.families[n] for n in other_way_round.instruments[:, 0].tolist()} == {"bass"}
    with pytest.raises(DataError, match="No training instrument of family 'organ'"):
        mixture_sampler(pool).draw(("organ",), seeded(0))


def test_the_stems_sum_to_the_mixture(batch: MixtureBatch) -> None:
    summed = batch.stem_power.sum(1).clamp_min(POWER_FLOOR)
    torch.testing.assert_close(batch.levels, bring_to_level(summed.log() / NEPERS_PER_UNIT))
    assert float(batch.stem_power.min()) == 0.0
    assert torch.isfinite(batch.stem_power).all()


def test_a_stem_is_audible_if_it_reaches_60_db_below_the_mixture(pool: FeaturePool) -> None:
    """In short windows some stems say nothing."""
    sampler = MixtureSampler(pool, BANDS, n_frames=8, n_mixtures=60)
    batch = sampler.draw(FAMILIES, seeded(1))
    for number in range(60):
        mixed = float(batch.stem_power[number].sum(0).max())
        for column in range(3):
            loudest = float(batch.stem_power[number, column].max())
            assert bool(batch.audible[number, column]) == (loudest > 1e-6 * mixed)
    assert batch.audible.any() and not batch.audible.all()


def test_a_batch_of_mixtures_is_decided_by_the_seed(pool: FeaturePool, batch: MixtureBatch) -> None:
    again = mixture_sampler(pool).draw(FAMILIES, seeded(0))
    assert torch.equal(again.levels, batch.levels)
    assert torch.equal(again.instruments, batch.instruments)
    assert not torch.equal(mixture_sampler(pool).draw(FAMILIES, seeded(1)).levels, batch.levels)


def test_so_many_instruments_are_recast_as_asked_for(pool: FeaturePool) -> None:
    """As many of each family."""
    for share, wanted in ((0.0, 0), (0.25, 4), (1.0, 16)):
        drawn = mixture_sampler(pool, recast_share=share).draw(FAMILIES, seeded(2))
        assert drawn.recast.sum(0).tolist() == [wanted] * 3
        assert len(drawn.recasts.shift) == 3 * wanted
        for column in range(3):
            remade = drawn.remade[:, column].tolist()
            assert sorted(remade) == drawn.recast[:, column].nonzero()[:, 0].tolist()


def test_each_stem_is_recast_by_the_chain_that_stands_for_it(pool: FeaturePool) -> None:
    """The chains follow `remade`: the answers that are wanted are made by them, too."""
    sampler = mixture_sampler(pool, n=6, recast_share=0.5, level_range_db=0, coloured_share=0)
    drawn = sampler.draw(FAMILIES, seeded(7))
    generator = seeded(7)
    _, instruments = sampler._draw_instruments(FAMILIES, generator)
    slots = sampler._draw_notes(FAMILIES, instruments, generator)
    played, offsets = sampler._play(slots, generator)
    assert torch.equal(instruments, drawn.instruments)
    gains = [12 if family == "percussion" else 0 for family in FAMILIES]
    for column, gain_db in enumerate(gains):
        for mixture in range(6):
            levels = played[mixture, column][None].clamp_min(POWER_FLOOR).log() / NEPERS_PER_UNIT
            remade = drawn.remade[:, column].tolist()
            if mixture in remade:
                place = 3 * remade.index(mixture) + column
                chain = Recast(*(one[place : place + 1] for one in vars(drawn.recasts).values()))
                seconds = offsets[mixture, column][None] * 0.02
                levels = chain.apply(levels, seconds, BANDS)
            wanted = (levels[0] * NEPERS_PER_UNIT).exp() * 10 ** (gain_db / 10)
            torch.testing.assert_close(
                drawn.stem_power[mixture, column], wanted, rtol=1e-3, atol=1e-8
            )


def test_a_stem_whose_slots_all_fall_silent_plays_its_first(
    pool: FeaturePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture_batches, "_SILENCE_PROBABILITY", 1.0)
    sampler = mixture_sampler(pool, n=6, recast_share=0.5)
    _, instruments = sampler._draw_instruments(FAMILIES, seeded(3))
    sounding = sampler._draw_notes(FAMILIES, instruments, seeded(4)).sounding
    assert sounding[:, 1:].nonzero()[:, 2].max() == 0
    assert sounding[:, 1:, 0].all()
    assert torch.isfinite(sampler.draw(FAMILIES, seeded(5)).stem_power).all()


def test_percussion_is_louder_and_stems_vary_in_level(pool: FeaturePool) -> None:
    gains = mixture_sampler(pool)._stem_gains(FAMILIES, 500, seeded(0)) * 10 / math.log(10)
    assert torch.all((gains[:, 0] - 12).abs() <= 3.001)
    assert torch.all(gains[:, 1:].abs() <= 3.001)
    assert float(gains.std(0).min()) > 1
    still = mixture_sampler(pool, level_range_db=0.0)._stem_gains(FAMILIES, 2, seeded(0))
    assert torch.all(still[:, 1:] == 0)


def test_notes_are_placed_as_the_paper_places_them(pool: FeaturePool) -> None:
    sampler = mixture_sampler(pool, n=60)
    _, instruments = sampler._draw_instruments(FAMILIES, seeded(3))
    rows, starts, ends, sounding = sampler._draw_notes(FAMILIES, instruments, seeded(4))
    assert torch.all(starts.diff(dim=-1) > 0)
    assert torch.all(ends > starts)
    assert torch.all(ends[..., -1] >= 10)
    # A slot ends where the next begins, but for the jitter of 2 % of a quarter of 1 s at most.
    assert float((starts[..., 1:] - ends[..., :-1]).abs().max()) <= 0.0201
    assert sounding[:, 0].all()  # percussion
    assert float(sounding[:, 1:].float().mean()) == pytest.approx(0.75, abs=0.02)
    lengths = (ends - starts)[:, 1].flatten(), (ends - starts)[:, 2].flatten()
    assert float(lengths[0].mean()) > 1.5 * float(lengths[1].mean())  # the bass plays slower
    for number in range(60):
        for column in range(3):
            own = pool.rows[instruments[number, column]].tolist()
            assert set(rows[number, column].tolist()) <= set(own) - {-1}


def test_the_notes_of_a_mixture_are_in_one_scale(pool: FeaturePool) -> None:
    """Where its instruments have notes of it."""
    sampler = mixture_sampler(pool, n=60)
    _, instruments = sampler._draw_instruments(FAMILIES, seeded(5))
    rows = sampler._draw_rows(instruments, 30, seeded(6))
    scales = [
        {(root + step) % 12 for step in steps} for steps in SCALES.values() for root in range(12)
    ]
    n_narrow = 0
    for mixture, players in zip(rows, instruments, strict=True):
        played = [set((pool.pitches[stem] % 12).tolist()) for stem in mixture]
        could = [set((pool.pitches[own[own >= 0]] % 12).tolist()) for own in pool.rows[players]]
        assert any(
            all(
                classes <= (scale if scale & able else able)
                for classes, able in zip(played, could, strict=True)
            )
            for scale in scales
        )
        n_narrow += sum(classes < able for classes, able in zip(played, could, strict=True))
    assert n_narrow > 30  # the scale does leave notes out


# Agreement with sound.


def slots_of(plan: MixturePlan) -> Slots:
    """Rows, starts and ends in seconds and what sounds, (1, S, notes) each."""
    shape = (1, len(plan.stems), max(len(stem.notes) for stem in plan.stems))
    rows, sounding = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    starts, ends = torch.full(shape, 1e6), torch.full(shape, 1e6)
    for column, stem in enumerate(plan.stems):
        for number, note in enumerate(stem.notes):
            rows[0, column, number] = note.row
            starts[0, column, number] = note.start / SAMPLE_RATE
            ends[0, column, number] = (note.start + note.length) / SAMPLE_RATE
            sounding[0, column, number] = True
    return Slots(rows, starts, ends, sounding)


def naive_gate(note: PlacedNote, middle: int, n_window: int) -> float:
    """Power of what a window hears of a note, as a share of what its own first frames hold."""
    places = (np.arange(32768) + 0.5) / 32768
    hann = 1 - np.cos(2 * np.pi * places)
    times = middle + (places - 0.5) * n_window
    own_times = times - middle + max(middle, note.start + BANDS.hop_samples // 2)
    heard = hann[(times >= note.start) & (times < note.start + note.length)].sum()
    return float((heard / hann[own_times >= note.start].sum()) ** 2)


def naive_stems(plan: MixturePlan, pool: FeaturePool) -> Tensor:
    """Power of stems of one peak, frame by frame: the notes that each window hears."""
    power = torch.zeros(len(plan.stems), PLAN_FRAMES, BANDS.n_bands)
    windows = [BANDS.long_window_samples] * BANDS.n_long_bands
    windows += [BANDS.short_window_samples] * (BANDS.n_bands - BANDS.n_long_bands)
    for column, stem in enumerate(plan.stems):
        peak = max(float(pool.log_gains[note.row]) for note in stem.notes)
        for frame, note in itertools.product(range(PLAN_FRAMES), stem.notes):
            middle = frame * BANDS.hop_samples + BANDS.hop_samples // 2
            reach = BANDS.long_window_samples
            if not note.start - reach < middle < note.start + note.length + reach:
                continue
            place = (middle - note.start) // BANDS.hop_samples
            if place >= int(pool.lengths[note.row]):
                continue
            levels = pool.levels[note.row, max(place, 0)].double()
            own = (NEPERS_PER_UNIT * levels + float(pool.log_gains[note.row]) - peak).exp()
            gates = {n: naive_gate(note, middle, n) for n in set(windows)}
            own = own * torch.tensor([gates[n] for n in windows])
            power[column, frame] += own
    return power


def stem_gains(plan: MixturePlan) -> Tensor:
    """Factors of power, (S, 1, 1)."""
    return torch.tensor([10 ** (stem.gain_db / 10) for stem in plan.stems])[:, None, None]


def played_stems(sampler: MixtureSampler, plan: MixturePlan) -> Tensor:
    power, _ = sampler._play(slots_of(plan), seeded(0))
    return power[0]


def mixed_levels(stems: Tensor) -> Tensor:
    mixed = stems.sum(0, keepdim=True).clamp_min(POWER_FLOOR)
    return bring_to_level(mixed.log() / NEPERS_PER_UNIT)[0]


@pytest.fixture(scope="module")
def plans(note_pool: NotePool) -> list[MixturePlan]:
    config = MixtureConfig(families=FAMILIES, level_range_db=3.0)
    return [plan_sounding(seed, note_pool, config) for seed in range(8)]


def test_playing_is_what_the_plan_says_frame_by_frame(
    pool: FeaturePool, note_pool: NotePool, plans: list[MixturePlan]
) -> None:
    assert pool.pitches.tolist() == note_pool.pitches.tolist()
    sampler = MixtureSampler(pool, BANDS, PLAN_FRAMES, 1)
    for plan in plans[:3]:
        wanted, played = naive_stems(plan, pool), played_stems(sampler, plan)
        near_floor = 100 * POWER_FLOOR
        torch.testing.assert_close(
            played.clamp_min(near_floor).log(),
            wanted.clamp_min(near_floor).log(),
            rtol=0,
            atol=0.02,  # where a window's very edge touches a note, sums and integrals differ
        )


def test_a_window_is_cut_from_the_mixture(pool: FeaturePool, plans: list[MixturePlan]) -> None:
    slots = slots_of(plans[0])
    whole, offsets = MixtureSampler(pool, BANDS, PLAN_FRAMES, 1)._play(slots, seeded(0))
    firsts = set()
    for seed in range(4):
        part, own_offsets = MixtureSampler(pool, BANDS, 100, 1)._play(slots, seeded(seed))
        first = int(torch.rand(1, generator=seeded(seed)) * 400)
        firsts.add(first)
        torch.testing.assert_close(part, whole[:, :, first : first + 100])
        assert torch.equal(own_offsets, offsets[:, :, first : first + 100])
    assert len(firsts) == 4


def cosine(first: Tensor, second: Tensor) -> float:
    return float(normalize(first.flatten(), dim=0) @ normalize(second.flatten(), dim=0))


def ranks(values: Tensor) -> Tensor:
    return values.argsort(-1).argsort(-1).double()


def spearman(first: Tensor, second: Tensor) -> float:
    centred = [ranks(one) - ranks(one).mean(-1, keepdim=True) for one in (first, second)]
    return cosine(*centred)


@torch.inference_mode()
def test_mixed_powers_agree_with_the_features_of_mixed_sound(
    pool: FeaturePool, note_pool: NotePool, plans: list[MixturePlan]
) -> None:
    """By levels, by embeddings of an untrained network, by the order of its similarities."""
    torch.manual_seed(0)
    network = ConvAst(ConvAstConfig(widths=(8, 8, 16, 16, 32), n_layers=1, embedding_size=48))
    notes = bring_to_level(pool.notes(torch.arange(len(pool.levels)), 64))
    for _ in range(40):  # its norms learn what notes are like, nothing else is trained
        network.train().embed_once(notes)
    network.eval()
    known = normalize(network.embed_once(notes), dim=-1)
    sampler = MixtureSampler(pool, BANDS, PLAN_FRAMES, 1)
    by_sound, by_power = [], []
    for plan in plans:
        stems = played_stems(sampler, plan)
        by_power.append(mixed_levels(stem_gains(plan) * stems))
        audio = torch.from_numpy(render_plan(plan, note_pool).mix)[None]
        by_sound.append(network.features(audio)[0])
    for levels, mixed in zip(by_sound, by_power, strict=True):
        assert cosine(levels - SOFTEST, mixed - SOFTEST) > 0.985
    other_mixtures = zip(by_sound, by_power[1:], strict=False)
    assert max(cosine(a - SOFTEST, b - SOFTEST) for a, b in other_mixtures) < 0.9
    sound, power = (
        normalize(network.embed_once(torch.stack(levels)), dim=-1)
        for levels in (by_sound, by_power)
    )
    assert float((sound * power).sum(-1).min()) > 0.9
    similar = [embedded @ known.T for embedded in (sound, power)]
    for own_sound, own_power in zip(*similar, strict=True):
        assert spearman(own_sound, own_power) > 0.85
    assert spearman(*similar) > 0.94  # on average over the mixtures
