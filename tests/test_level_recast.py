"""Instruments that nobody made, from the levels of those that somebody did."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cir.audio.bands import LEVEL_FLOOR, NEPERS_PER_UNIT, BandConfig
from cir.training.level_changes import Recast, shift_bands
from cir.training.note_batches import frame_seconds

BANDS = BandConfig()
CPU = torch.device("cpu")
UNITS_PER_DB = math.log(10) / 10 / NEPERS_PER_UNIT
N_FRAMES = 64
SECONDS = frame_seconds(N_FRAMES, BANDS, CPU)


def draw(n: int, seed: int = 0) -> Recast:
    return Recast.draw(n, BANDS, torch.Generator().manual_seed(seed), CPU)


def plain(n: int) -> Recast:
    """Chains that change nothing."""
    zeros = torch.zeros(n)
    return Recast(
        shift=zeros.long(),
        static_db=torch.zeros(n, BANDS.n_bands),
        cutoff=torch.tensor([13.0, 0.0, 1.0, 0.0]).repeat(n, 1),
        decay_db=zeros,
        attack_seconds=zeros,
        tremolo=torch.tensor([0.0, 1.0, 0.0]).repeat(n, 1),
    )


def spectrograms(n: int, seed: int = 0) -> Tensor:
    """Bands from 20 to 99 sound in the first 40 frames, all else is silent."""
    levels = torch.full((n, N_FRAMES, BANDS.n_bands), LEVEL_FLOOR)
    drawn = torch.rand(n, 40, 80, generator=torch.Generator().manual_seed(seed))
    levels[:, :40, 20:100] = drawn * 1.5 - 0.7
    return levels


def in_db(levels: Tensor) -> Tensor:
    return levels / UNITS_PER_DB


def test_an_empty_chain_changes_nothing() -> None:
    levels = spectrograms(3)
    torch.testing.assert_close(plain(3).apply(levels, SECONDS, BANDS), levels)


def test_silence_stays_silence_and_nothing_else_becomes_it_all_over() -> None:
    n = 200
    levels = spectrograms(1).expand(n, -1, -1)
    chains = draw(n)
    changed = chains.apply(levels, SECONDS, BANDS)
    silent = shift_bands(levels, chains.shift) == LEVEL_FLOOR
    assert torch.all(changed[silent] == LEVEL_FLOOR)
    assert torch.all((changed > LEVEL_FLOOR).any(-1).any(-1))
    nothing = torch.full((n, N_FRAMES, BANDS.n_bands), LEVEL_FLOOR)
    assert torch.equal(chains.apply(nothing, SECONDS, BANDS), nothing)


def test_silence_as_half_precision_keeps_it_is_silence_too() -> None:
    nothing = torch.full((50, N_FRAMES, BANDS.n_bands), LEVEL_FLOOR).half().float()
    assert torch.all(draw(50).apply(nothing, SECONDS, BANDS) == LEVEL_FLOOR)


def test_the_loudest_cell_stays_as_loud() -> None:
    levels = spectrograms(100) - torch.linspace(0, 1, 100)[:, None, None]
    levels = levels.clamp_min(LEVEL_FLOOR)
    changed = draw(100).apply(levels, SECONDS, BANDS)
    torch.testing.assert_close(changed.amax((1, 2)), levels.amax((1, 2)))


def test_notes_of_one_instrument_change_alike() -> None:
    n, k = 30, 3
    chains = draw(n)
    repeated = chains.repeat(k)
    note = spectrograms(1)
    changed = repeated.apply(note.expand(n * k, -1, -1), SECONDS, BANDS)
    by_instrument = changed.view(n, k, N_FRAMES, BANDS.n_bands)
    assert torch.equal(by_instrument[:, 0], by_instrument[:, 1])
    assert torch.equal(by_instrument[:, 0], by_instrument[:, 2])
    assert torch.equal(by_instrument[:, 0], chains.apply(note.expand(n, -1, -1), SECONDS, BANDS))
    apart = [not torch.equal(by_instrument[0, 0], other) for other in by_instrument[1:, 0]]
    assert all(apart)


def test_the_filter_does_not_depend_on_the_note() -> None:
    chains = replace(draw(40), shift=torch.zeros(40).long())
    first, second = spectrograms(40, seed=1), spectrograms(40, seed=2)
    gains = [
        chains.apply(levels, SECONDS, BANDS)[:, :40, 20:100] - levels[:, :40, 20:100]
        for levels in (first, second)
    ]
    heard = [chains.apply(levels, SECONDS, BANDS)[:, :40, 20:100] for levels in (first, second)]
    both = (heard[0] > LEVEL_FLOOR) & (heard[1] > LEVEL_FLOOR)
    difference = gains[0] - gains[1]  # one number for each chain: how the loudest cell was kept
    for number in range(40):
        own = difference[number][both[number]]
        assert float(own.max() - own.min()) < 1e-4


def test_a_shift_moves_the_bands_and_leaves_silence_behind() -> None:
    levels = spectrograms(3)
    moved = shift_bands(levels, torch.tensor([0, 30, -25]))
    assert torch.equal(moved[0], levels[0])
    assert torch.equal(moved[1, :, 30:], levels[1, :, :-30])
    assert torch.all(moved[1, :, :30] == LEVEL_FLOOR)
    assert torch.equal(moved[2, :, :-25], levels[2, :, 25:])
    assert torch.all(moved[2, :, -25:] == LEVEL_FLOOR)
    chain = replace(plain(3), shift=torch.tensor([0, 30, -25]))
    torch.testing.assert_close(chain.apply(levels, SECONDS, BANDS)[1], moved[1])


def test_a_filter_adds_decibels() -> None:
    static_db = torch.zeros(1, BANDS.n_bands)
    static_db[:, 50:] = -12.0
    levels = torch.full((1, N_FRAMES, BANDS.n_bands), 0.5)
    changed = in_db(replace(plain(1), static_db=static_db).apply(levels, SECONDS, BANDS))
    assert float(changed[0, 5, 10] - changed[0, 5, 60]) == pytest.approx(12.0, abs=1e-3)


def test_decay_attack_and_tremolo_follow_the_time_since_the_note_began() -> None:
    levels = torch.full((1, N_FRAMES, BANDS.n_bands), 0.5)
    decay = replace(plain(1), decay_db=torch.tensor([30.0]))
    fallen = in_db(decay.apply(levels, SECONDS, BANDS))[0, :, 0]
    assert float(fallen[0] - fallen[50]) == pytest.approx(30.0, abs=1e-2)  # 50 frames are 1 s
    again = SECONDS % 0.5  # the note is struck twice
    fallen = in_db(decay.apply(levels, again, BANDS))[0, :, 0]
    assert float(fallen[25]) == pytest.approx(float(fallen[0]), abs=1e-3)
    attack = replace(plain(1), attack_seconds=torch.tensor([0.2]))
    risen = in_db(attack.apply(levels, SECONDS, BANDS))[0, :, 0]
    assert float(risen[20] - risen[0]) == pytest.approx(20 * math.log10(0.2 / 0.01), abs=1e-2)
    assert torch.all(risen[10:] == risen[10])
    tremolo = replace(plain(1), tremolo=torch.tensor([[0.5, 5.0, 0.0]]))
    swinging = in_db(tremolo.apply(levels, SECONDS, BANDS))[0, :, 0]
    depth = 0.5 * math.sin(0.4 * math.pi)  # ten frames a swing miss its very top
    wanted = 20 * math.log10((1 + depth) / (1 - depth))
    assert float(swinging.max() - swinging.min()) == pytest.approx(wanted, abs=1e-2)
    torch.testing.assert_close(swinging[:50], swinging[10:60], rtol=0, atol=1e-2)


def test_a_low_pass_closes() -> None:
    # From 4 kHz to 1 kHz; two bands an octave apart, far above.
    cutoff = torch.tensor([[math.log2(1_000), 2.0, 0.1, 4.0]])
    levels = torch.full((1, N_FRAMES, BANDS.n_bands), 0.5)
    changed = in_db(replace(plain(1), cutoff=cutoff).apply(levels, SECONDS, BANDS))[0]
    octaves = torch.arange(BANDS.n_bands) / BANDS.bands_per_octave + math.log2(BANDS.lowest_hz)
    at = [int((octaves - math.log2(hz)).abs().argmin()) for hz in (100, 2_000, 4_000)]
    low, middle, high = (changed[:, band] for band in at)
    assert float(low[0] - middle[0]) < 1
    assert float(middle[-1] - high[-1]) == pytest.approx(12.0, abs=0.5)
    assert float(low[-1] - middle[-1]) > 10


def test_chains_are_drawn_as_the_generator_says() -> None:
    for first, second in zip(vars(draw(20, 5)).values(), vars(draw(20, 5)).values(), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(draw(20, 5).static_db, draw(20, 6).static_db)


def test_chains_lie_where_instruments_do() -> None:
    chains = draw(2_000)
    assert sorted(set(chains.shift.tolist())) == list(range(-5, 6))
    assert float(chains.static_db.max()) <= 24.0
    shares = {
        "low-passes": float((chains.cutoff[:, 3] > 0).float().mean()),
        "decays": float((chains.decay_db > 0).float().mean()),
        "attacks": float((chains.attack_seconds > 0).float().mean()),
        "tremolos": float((chains.tremolo[:, 0] > 0).float().mean()),
    }
    wanted = {"low-passes": 0.5, "decays": 0.4, "attacks": 0.3, "tremolos": 0.15}
    assert shares == pytest.approx(wanted, abs=0.05)
    for values in vars(chains).values():
        assert torch.isfinite(values.float()).all()


def test_repeating_keeps_an_instruments_notes_together() -> None:
    repeated = draw(4).repeat(2)
    for name, values in vars(draw(4)).items():
        assert torch.equal(getattr(repeated, name)[::2], values)
        assert torch.equal(getattr(repeated, name)[1::2], values)
