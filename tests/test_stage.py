"""Stages of training: schedule, checkpoints, what stops them, what their optimiser does."""

import copy
import csv
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from cir.audio.bands import BandConfig
from cir.errors import CheckpointError, DataError, InputError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import draw_mixture
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.model.heads import Heard
from cir.model.network_config import ConvAstConfig
from cir.training.batch_norms import count_statistics
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.mixture_batches import MixtureSampler
from cir.training.mixture_stage import MixtureStage
from cir.training.mixture_validation import MixtureValidation, PlayedMixtures
from cir.training.note_batches import NoteSampler
from cir.training.note_stage import NoteStage, NoteValidation, accuracy
from cir.training.optimiser import MatrixOptimiser
from cir.training.sound_fit import (
    FitSource,
    differences_within,
    fit_to_sound,
    play_training_mixtures,
)
from cir.training.stage import Stage, StageConfig
from cir.training.stage_loop import (
    CHECKPOINT,
    LOG,
    STABLE,
    Clock,
    load_checkpoint,
    run_stage,
    save_checkpoint,
)
from cir.training.whitening import whitening
from cir.types import SAMPLE_RATE
from tests.voices_dataset import FAMILIES, VoicesDataset

CPU = torch.device("cpu")
BANDS = BandConfig(bands_per_octave=4, n_bands=32, n_long_bands=16)
TINY = ConvAstConfig(
    bands=BANDS,
    widths=(4, 6, 8),
    time_stride=4,
    n_layers=1,
    n_heads=2,
    embedding_size=12,
    note_frames=32,
    mixture_frames=64,
    families=(*FAMILIES, "organ"),
    n_query_layers=1,
)


# The schedule.


def test_rates_rise_stay_and_fall_to_nothing() -> None:
    config = StageConfig(warm_share=0.1, fall_share=0.4)
    shares = [config.share(done) for done in (0.0, 0.05, 0.1, 0.3, 0.6, 0.8, 0.9, 1.0)]
    assert shares == pytest.approx([0.001, 0.501, 1, 1, 1, 0.5, 0.25, 0])
    assert config.share(0.0) > 0  # the first step counts
    steady = StageConfig(warm_share=0.0, fall_share=0.0)
    assert [steady.share(done) for done in (0.0, 0.5, 1.0)] == [1, 1, 1]
    both = StageConfig(warm_share=1.0, fall_share=1.0)
    assert max(both.share(n / 100) for n in range(101)) == pytest.approx(0.25, abs=0.01)


def test_a_stage_ends_by_examples_or_by_the_clock() -> None:
    clock = Clock(step=5, seconds=90)
    assert clock.done(StageConfig(examples=100), batch_size=10) == 0.5
    assert clock.done(StageConfig(examples=100, minutes=3), batch_size=10) == 0.5
    assert clock.done(StageConfig(examples=10), batch_size=10) == 1.0
    assert clock.done(StageConfig(minutes=1), batch_size=10) == 1.0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"examples": 0}, "examples must be at least 1, got 0"),
        ({"matrix_rate": -0.1}, "matrix_rate must be greater than 0, got -0.1"),
        ({"rate": math.inf}, "rate is not finite, got inf"),
        ({"clip": math.nan}, "clip is not finite, got nan"),
        ({"minutes": -1.0}, "minutes must be at least 0, got -1.0"),
        ({"weight_decay": math.nan}, "weight_decay is not finite, got nan"),
        ({"warm_share": 1.5}, "warm_share must be at most 1, got 1.5"),
        ({"fall_share": -0.5}, "fall_share must be at least 0, got -0.5"),
    ],
)
def test_stages_that_cannot_be_are_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        StageConfig(**change)


# The loop, with a stage that has nothing to do with sound.


class Line(Stage):
    """Fits a matrix to another one, from points that it draws."""

    batch_size = 4

    def __init__(self, stops_at: int | None = None, wrong_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.map = nn.Linear(3, 2)
        self.optimiser = MatrixOptimiser(
            self.map.named_parameters(),
            matrix_rate=0.05,
            rate=0.05,
            weight_decay=0.0,
            precision=torch.float32,
        )
        self.step = 0
        self.stops_at = stops_at
        self.wrong_at = wrong_at

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        self.step += 1
        if self.step == self.stops_at:
            raise KeyboardInterrupt
        points = torch.randn(4, 3, generator=generator)
        if self.step == self.wrong_at:
            points = points * math.nan
        return {"square": (self.map(points) - points[:, :2]).square().mean()}

    def state(self) -> dict[str, Tensor]:
        return self.map.state_dict()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.map.load_state_dict(tensors)

    def validate(self) -> dict[str, float]:
        return {"top_1": 50.0}


CONFIG = StageConfig(examples=80)  # 20 steps


def finite(path: Path) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in load_file(path).values())


def test_a_stage_learns_and_leaves_checkpoints_and_a_log(tmp_path: Path) -> None:
    stage = Line()
    before = stage.losses(torch.Generator().manual_seed(9))["square"].item()
    run_stage(stage, replace(CONFIG, examples=800), tmp_path, seed=0, device=CPU)
    after = stage.losses(torch.Generator().manual_seed(9))["square"].item()
    assert after < 0.2 * before
    clock = load_checkpoint(tmp_path / CHECKPOINT, Line())
    assert clock.step == 200
    assert load_checkpoint(tmp_path / STABLE, Line()).step == 101  # half falls
    with (tmp_path / LOG).open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[-1][:2] == ["200", "800"]
    assert rows[-1][3:] == ["top_1", "50"]


def test_an_interrupted_stage_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = Line()
    run_stage(whole, CONFIG, tmp_path / "whole", seed=3, device=CPU)
    with pytest.raises(KeyboardInterrupt):
        run_stage(
            Line(stops_at=8), CONFIG, tmp_path / "two", seed=3, device=CPU, checkpoint_minutes=0
        )
    resumed = Line()
    run_stage(resumed, CONFIG, tmp_path / "two", seed=3, device=CPU)
    assert resumed.step == 20 - 7
    assert torch.equal(resumed.map.weight, whole.map.weight)
    assert torch.equal(resumed.map.bias, whole.map.bias)
    other = Line()
    run_stage(other, CONFIG, tmp_path / "other", seed=4, device=CPU)
    assert not torch.equal(other.map.weight, whole.map.weight)


def test_a_longer_run_starts_from_where_rates_were_high(tmp_path: Path) -> None:
    run_stage(Line(), CONFIG, tmp_path / "first", seed=0, device=CPU)
    longer, stable = Line(stops_at=1), Line()
    load_checkpoint(tmp_path / "first" / STABLE, stable)
    with pytest.raises(KeyboardInterrupt):
        run_stage(
            longer,
            CONFIG,
            tmp_path / "longer",
            seed=0,
            device=CPU,
            initial=tmp_path / "first" / STABLE,
        )
    assert torch.equal(longer.map.weight, stable.map.weight)
    assert not (tmp_path / "longer" / CHECKPOINT).exists()


def test_a_loss_that_is_not_a_number_stops_the_stage(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="loss square is not a finite number at step 9"):
        run_stage(Line(wrong_at=9), CONFIG, tmp_path, seed=0, device=CPU, checkpoint_minutes=0)
    assert load_checkpoint(tmp_path / CHECKPOINT, Line()).step == 8
    assert finite(tmp_path / CHECKPOINT)


@pytest.mark.parametrize("wrong_at", [3, 20])
def test_what_such_a_loss_made_is_not_saved_at_the_end_either(
    tmp_path: Path, wrong_at: int
) -> None:
    """A short stage ends before anybody looked."""
    with pytest.raises(DataError, match="is not a finite number"):
        run_stage(Line(wrong_at=wrong_at), CONFIG, tmp_path, seed=0, device=CPU)
    assert not (tmp_path / CHECKPOINT).exists()
    assert not (tmp_path / STABLE).exists() or finite(tmp_path / STABLE)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "missing", "of another network"])
def test_a_damaged_checkpoint_is_refused_with_a_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / CHECKPOINT
    save_checkpoint(path, Line(), Clock(3, 1.0))
    if damage == "missing":
        path.unlink()
    elif damage == "of another network":
        other = Line()
        other.map = nn.Linear(4, 2)
        save_checkpoint(path, other, Clock(3, 1.0))
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[:-20], "text": b"{}" * 40, "empty": b""}[damage])
    with pytest.raises(CheckpointError, match="(?s)does not fit this run .* delete its folder"):
        load_checkpoint(path, Line())
    if damage != "missing":
        with pytest.raises(CheckpointError, match="does not fit this run"):
            run_stage(Line(), CONFIG, tmp_path, seed=0, device=CPU)


# The optimiser.


def optimiser_of(network: nn.Module, **changes: float) -> MatrixOptimiser:
    values = {"matrix_rate": 0.02, "rate": 2e-3, "weight_decay": 0.0, **changes}
    return MatrixOptimiser(network.named_parameters(), (), precision=torch.float32, **values)


def test_only_matrices_and_convolutions_are_muons() -> None:
    network = ConvAst(TINY)
    matrices = {id(one) for one in optimiser_of(network)._matrices}
    named = dict(network.named_parameters())
    chosen = {name for name, one in named.items() if id(one) in matrices}
    assert chosen >= {
        "notes.stages.0.conv_1.weight",
        "notes.stages.1.short_cut.1.weight",
        "notes.blocks.0.to_heads.weight",
        "note_head.linear.weight",
        "family_head.looks.0.widen.weight",
    }
    others = {name for name in named if name not in chosen}
    assert others >= {
        "notes.first.0.weight",  # of one input
        "notes.positions",
        "notes.norm.weight",
        "note_head.linear.bias",
        "family_head.queries",
        "family_head.bend",
        "family_head.presence.weight",  # of one output
    }


def test_a_step_reaches_convolutions_and_makes_their_update_orthogonal() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    optimiser = optimiser_of(network, matrix_rate=0.1)
    convolution = network[0]
    assert isinstance(convolution, nn.Conv2d)
    before = convolution.weight.detach().clone()
    torch.autograd.backward(network(torch.randn(2, 3, 8, 8)).square().sum())
    length = optimiser.step(0.5, clip=2.0)
    assert float(length) > 2.0
    update = (convolution.weight - before).detach().flatten(1)
    strengths = torch.linalg.svdvals(update)
    assert float(strengths.min()) > 0
    assert float(strengths.max() / strengths.min()) < 2  # a gradient's own differ far more
    assert convolution.weight.grad is None
    optimiser.step(0.0, clip=2.0)
    assert torch.equal((convolution.weight - before).detach().flatten(1), update)


def test_an_optimiser_goes_on_from_its_state() -> None:
    def train(network: nn.Module, optimiser: MatrixOptimiser, seeds: range) -> None:
        for seed in seeds:
            points = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
            torch.autograd.backward((network(points) - points).square().mean())
            optimiser.step(1.0, clip=1.0)

    def make() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 4))

    whole, first, second = make(), make(), make()
    train(whole, optimiser_of(whole), range(6))
    part = optimiser_of(first)
    train(first, part, range(3))
    second.load_state_dict(first.state_dict())
    later = optimiser_of(second)
    later.load_state_tensors(part.state_tensors())
    train(second, later, range(3, 6))
    for wanted, got in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(wanted, got)
    forgetful = make()
    forgetful.load_state_dict(first.state_dict())
    train(forgetful, optimiser_of(forgetful), range(3, 6))
    assert not torch.equal(next(iter(forgetful.parameters())), next(iter(whole.parameters())))


# Ranks.


def test_ranks_count_from_one() -> None:
    similarities = torch.tensor([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.5, 0.9, 0.1]])
    found = accuracy(similarities, torch.tensor([0, 0, 0]))
    assert found == pytest.approx({"top_1": 100 / 3, "top_5": 100, "mrr": (1 + 1 / 3 + 1 / 2) / 3})


def test_what_is_equal_or_not_a_number_never_ranks_first() -> None:
    for similarity in (0.7, math.nan):
        found = accuracy(torch.full((2, 50), similarity), torch.tensor([0, 49]))
        assert found == pytest.approx({"top_1": 0, "top_5": 0, "mrr": 1 / 50})


# The two stages.


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    return FeatureCache.open(tmp_path_factory.mktemp("cache"), VoicesDataset(), BANDS)


@pytest.fixture(scope="module")
def pool(cache: FeatureCache) -> FeaturePool:
    return FeaturePool.join([cache], [1.0])


def tiny(seed: int = 0) -> ConvAst:
    torch.manual_seed(seed)
    return ConvAst(TINY)


def note_stage(cache: FeatureCache, pool: FeaturePool, config: StageConfig) -> NoteStage:
    return NoteStage(
        tiny(),
        NoteSampler(pool, BANDS, (TINY.note_frames,), n_instruments=8),
        config,
        NoteValidation.of([cache], TINY.note_frames),
        precision=torch.float32,
    )


class Interrupted(NoteStage):
    """Stops before its fourth step."""

    n_steps = 0

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        self.n_steps += 1
        if self.n_steps == 4:
            raise KeyboardInterrupt
        return super().losses(generator)


@pytest.mark.slow
def test_an_interrupted_note_stage_ends_in_the_same_weights(
    cache: FeatureCache, pool: FeaturePool, tmp_path: Path
) -> None:
    config = StageConfig(examples=16 * 8)
    whole = note_stage(cache, pool, config)
    run_stage(whole, config, tmp_path / "whole", seed=1, device=CPU)
    first = note_stage(cache, pool, config)
    first.__class__ = Interrupted
    with pytest.raises(KeyboardInterrupt):
        run_stage(first, config, tmp_path / "two", seed=1, device=CPU, checkpoint_minutes=0)
    second = note_stage(cache, pool, config)
    run_stage(second, config, tmp_path / "two", seed=1, device=CPU)
    for name, wanted in whole.state().items():
        assert torch.equal(second.state()[name], wanted), name
    assert not torch.equal(whole.log_scale, torch.tensor(-math.log(0.1)))
    untouched = dict(tiny().named_parameters())
    for name, parameter in whole.network.named_parameters():
        trained = name.startswith(("notes.", "note_head."))
        assert torch.equal(parameter, untouched[name]) != trained, name


@pytest.mark.slow
def test_notes_of_instruments_that_were_never_heard_are_searched_for(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    validation = NoteValidation.of([cache], TINY.note_frames)
    dataset = VoicesDataset()
    known = [
        one for split in ("train", "valid") for one in dataset.instruments(split) if one.effects_on
    ]
    held_out = [one for one in dataset.instruments("valid") if one.effects_on]
    assert len(validation.references) == len(known)
    others = [(one, n) for one in held_out for n in range(1, len(dataset.notes(one)))]
    assert [known[n].instrument_id for n in validation.targets.tolist()][: len(others)] == [
        one.instrument_id for one, _ in others
    ]
    config = StageConfig(examples=40 * 16)
    stage = note_stage(cache, pool, config)
    perfect = replace(
        validation,
        queries=validation.references,
        targets=torch.arange(len(validation.references)),
    )
    for step in range(5):  # its norms learn what notes are like
        stage.losses(torch.Generator().manual_seed(step))
    assert perfect.run(stage.network) == {"top_1": 100.0, "top_5": 100.0, "mrr": 1.0}
    for parameter in stage.network.parameters():
        nn.init.zeros_(parameter)
    assert validation.run(stage.network)["top_5"] == 0.0  # collapsed


def mixture_stage(cache: FeatureCache, pool: FeaturePool, queue_size: int = 6) -> MixtureStage:
    network = tiny()
    stage = NoteStage(
        network,
        NoteSampler(pool, BANDS, (TINY.note_frames,), n_instruments=8),
        StageConfig(),
        NoteValidation.of([cache], TINY.note_frames),
        precision=torch.float32,
    )
    for step in range(20):
        stage.losses(torch.Generator().manual_seed(step))
    network.begin_mixtures()
    return MixtureStage(
        network,
        MixtureSampler(pool, BANDS, TINY.mixture_frames, n_mixtures=12),
        StageConfig(examples=12 * 4),
        MixtureValidation.draw(VoicesDataset(), cache, network, families=FAMILIES, n_mixtures=2),
        paper_families=FAMILIES,
        paper_share=0.5,
        queue_size=queue_size,
        seed=0,
        n_counted_batches=2,
        precision=torch.float32,
    )


@pytest.mark.slow
def test_mixtures_teach_their_own_encoder_alone(
    cache: FeatureCache, pool: FeaturePool, tmp_path: Path
) -> None:
    stage = mixture_stage(cache, pool)
    before = {name: value.clone() for name, value in stage.state().items()}
    run_stage(stage, StageConfig(examples=12 * 4), tmp_path, seed=0, device=CPU)
    after = stage.state()
    for name in before:
        if name.startswith(("notes.", "note_head.")):
            assert torch.equal(after[name], before[name]), name
    learned = [name for name, _ in stage.network.named_parameters() if name.startswith("mixtures.")]
    assert all(not torch.equal(after[name], before[name]) for name in learned)
    scores = stage.validate()
    assert set(scores) >= {"top_1", "top_5", "mrr", "top_1_bass", "unheard_best_bass"}
    assert all(math.isfinite(value) for value in scores.values())


def test_statistics_are_counted_over_many_mixtures(cache: FeatureCache, pool: FeaturePool) -> None:
    stage = mixture_stage(cache, pool)
    assert stage.network.mixtures is not None
    convolution, norm = stage.network.mixtures.first[0], stage.network.mixtures.first[1]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    norm.running_mean.fill_(7.0)  # what the last batches happened to leave
    stage.validate()
    drawn = list(stage._mixtures_to_count())
    assert [len(levels) for levels in drawn] == [12, 12]
    means = [convolution(levels.unsqueeze(1)).mean((0, 2, 3)) for levels in drawn]
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0), atol=1e-4, rtol=1e-4)
    assert norm.momentum == 0.1  # training goes on as before


@pytest.mark.slow
def test_another_run_gives_its_mixtures_encoder_alone(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    stage = mixture_stage(cache, pool)
    other = {name: value + 1 for name, value in stage.state().items()}
    before = {name: value.clone() for name, value in stage.state().items()}
    embedded = stage._notes
    stage.start_from(other)
    for name, value in stage.state().items():
        own = name.startswith(("notes.", "note_head."))
        assert torch.equal(value, before[name] if own else other[name]), name
    assert stage._notes is embedded  # all notes once more would take minutes
    stage.load_state(other)
    assert not torch.equal(stage._notes, embedded)


def test_the_answer_that_is_wanted_is_a_note_of_who_plays(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    """Recast alike where the instrument was; a right answer costs less than another's."""
    stage = mixture_stage(cache, pool)
    families = ("bass", "percussion", "synth_lead")
    batch = stage.sampler.draw(families, torch.Generator().manual_seed(1))
    made = stage._embed_made(batch, torch.Generator().manual_seed(2))
    assert made.shape == (int(batch.recast.sum()) // 3, 3, TINY.embedding_size)
    right = torch.zeros(12, len(TINY.families), TINY.embedding_size)
    generator = torch.Generator().manual_seed(3)
    for column, family in enumerate(families):
        notes = stage._notes[pool.any_note(pool.of_family(family), generator)]
        for mixture in range(12):
            member = int(batch.members[mixture, column])
            assert int(pool.of_family(family)[member]) == int(batch.instruments[mixture, column])
            remade = batch.remade[:, column].tolist()
            assert bool(batch.recast[mixture, column]) == (mixture in remade)
            answer = made[remade.index(mixture), column] if mixture in remade else notes[member]
            right[mixture, TINY.families.index(family)] = answer

    def cost(answers: Tensor) -> float:
        heard = Heard(answers[:, 0], answers, torch.zeros(12, len(TINY.families)))
        with torch.no_grad():
            stage.log_scale.fill_(math.log(40))
            stage._made = {family: normalize(torch.ones(1, 12)) for family in TINY.families}
            return float(stage._answer_loss(batch, heard, made, torch.Generator().manual_seed(3)))

    best = cost(right)
    assert best < 0.7 * cost(right.roll(1, 0))
    for mixture in range(12):
        changed = right.clone()
        changed[mixture] = -right[mixture]
        assert cost(changed) > best + 0.1


@pytest.mark.slow
def test_made_instruments_stay_candidates_for_a_while(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    stage = mixture_stage(cache, pool, queue_size=6)
    old = stage._made["bass"].clone()
    new = normalize(torch.randn(2, TINY.embedding_size), dim=-1)
    stage._keep("bass", new)
    assert torch.equal(stage._made["bass"], torch.cat([old[2:], new]))
    many = normalize(torch.randn(9, TINY.embedding_size), dim=-1)
    stage._keep("bass", many)
    assert torch.equal(stage._made["bass"], many[:6])
    none = mixture_stage(cache, pool, queue_size=0)
    none._keep("bass", new)
    assert len(none._made["bass"]) == 0


def test_families_without_instruments_are_never_mixed(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    stage = mixture_stage(cache, pool)
    drawn = {stage._draw_families(torch.Generator().manual_seed(seed)) for seed in range(60)}
    assert FAMILIES in drawn
    assert {len(families) for families in drawn} == {2, 3}
    assert {family for families in drawn for family in families} == set(FAMILIES)


def test_the_shares_of_a_cell_are_what_each_stem_adds(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    """The true shares as logits cost their own entropy, all else costs more."""
    stage = mixture_stage(cache, pool)
    batch = stage.sampler.draw(FAMILIES, torch.Generator().manual_seed(4))
    n_families = len(TINY.families)
    truth = torch.full((12, n_families + 1, 16, 8), -30.0)
    for column, family in enumerate(FAMILIES):
        for row in range(16):
            for band in range(8):
                cell = (..., slice(4 * row, 4 * row + 4), slice(4 * band, 4 * band + 4))
                energy = batch.stem_power[:, column][cell].sum((1, 2))
                share = energy / batch.stem_power[(slice(None), slice(None), *cell[1:])].sum(
                    (1, 2, 3)
                ).clamp_min(1e-30)
                truth[:, TINY.families.index(family), row, band] = share.clamp_min(1e-9).log()
    best = float(stage._shares_loss(batch, truth))
    for seed in range(3):
        off = torch.randn(truth.shape, generator=torch.Generator().manual_seed(seed))
        assert float(stage._shares_loss(batch, truth + 0.5 * off)) > best
    swapped = truth[:, [1, 0, *range(2, n_families + 1)]]
    assert float(stage._shares_loss(batch, swapped)) > best + 0.5


@pytest.mark.slow
def test_differences_within_instruments_are_those_of_served_embeddings(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    network = mixture_stage(cache, pool).network.eval()
    dataset = VoicesDataset()
    pool_of_notes = NotePool.from_datasets([dataset], split="train", families=FAMILIES)
    played = PlayedMixtures.play(pool_of_notes, network, FAMILIES, 4)
    of_answers, of_notes = differences_within(network, played, cache)
    encoder = TimbreEncoder(network)
    notes = {
        one.instrument_id: encoder.embed([n.audio for n in dataset.notes(one)[:2]], SAMPLE_RATE)
        for one in dataset.instruments("train")
        if one.effects_on
    }
    wanted = []
    for seed, names in enumerate(played.players):
        mix = draw_mixture(seed, pool_of_notes, MixtureConfig(families=FAMILIES)).mix
        answers = encoder.embed_mixtures([mix], SAMPLE_RATE, FAMILIES)[0]
        wanted += [answers[n] - notes[name][0] for n, name in enumerate(names)]
    np.testing.assert_allclose(of_answers, np.stack(wanted), atol=2e-3)  # levels are float16
    both = [notes[name] for name in sorted({name for names in played.players for name in names})]
    np.testing.assert_allclose(
        np.sort(np.linalg.norm(of_notes, axis=1)),
        np.sort([np.linalg.norm(second - first) for first, second in both]),
        atol=5e-3,
    )


@pytest.mark.slow
def test_fitting_to_sound_counts_statistics_and_then_whitens(
    cache: FeatureCache, pool: FeaturePool
) -> None:
    network = mixture_stage(cache, pool).network
    dataset, other = VoicesDataset(), VoicesDataset("other", FAMILIES[:2])
    played = play_training_mixtures(dataset, network, FAMILIES, 60)
    assert [len(one.players) for one in played] == [39, 10, 10, 10]
    assert len({one.windows[0].numpy().tobytes() for one in played}) == 4  # seeds differ
    windows = torch.cat([one.windows for one in played])
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
    wanted = copy.deepcopy(network)
    n_batches = math.ceil(len(windows) / 48)
    count_statistics(wanted, torch.tensor_split(windows[order].float(), n_batches))
    parts = [differences_within(wanted, one, cache) for one in played]
    wanted.multiply(whitening(*(torch.cat(part) for part in zip(*parts, strict=True))))
    assert not network.note_head.is_multiplied
    with pytest.raises(DataError, match="No data has training instruments of each of percussion"):
        fit_to_sound(network, [FitSource(other, cache)], FAMILIES, 60)  # it has no leads
    sources = [FitSource(other, cache), FitSource(dataset, cache, 0.5)]
    fit_to_sound(network, sources, FAMILIES, 60)
    for name, value in wanted.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, msg=name)
    assert network.note_head.is_multiplied
