"""The two stages of training, made of a pack."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from benchmarks.gpu.parts import Pack
from benchmarks.gpu.replay import Kind, Losses
from cir.errors import DataError
from cir.instruments.families import FAMILIES
from cir.model.conv_ast import ConvAst
from cir.model.network_config import ConvAstConfig
from cir.training.feature_pool import FeaturePool
from cir.training.mixture_batches import MixtureSampler
from cir.training.mixture_stage import MixtureStage
from cir.training.mixture_validation import MixtureValidation
from cir.training.note_batches import NoteSampler
from cir.training.note_stage import NoteStage, NoteValidation
from cir.training.stage import StageConfig

TINY = (
    *("widths=8,8,16,16,32", "layers=1", "heads=2", "embedding=16"),
    *("instruments=8", "mixtures=4", "counted=2"),
)
"""Sizes that a test has time for."""
WEIGHTS = {"surge": 1.0, "surge-xt": 1.0, "zynaddsubfx": 0.3, "mda": 0.3}
"""How often an instrument of a dataset is drawn, relative to the others, as in cir-gpu."""
_WEIGHT_OF_OTHERS = 0.15
_CHOICES = 32
"""Of families other than the paper's: each is recorded once."""


@dataclass(frozen=True)
class Sizes:
    """What may be chosen on the command line, as name=value; by default, as the bundled model."""

    widths: tuple[int, ...] = (32, 64, 128, 256, 384)
    layers: int = 3
    heads: int = 6
    time_stride: int = 8
    embedding: int = 192
    query_layers: int = 2
    instruments: int = 384
    """In a batch of notes."""
    notes: int = 2
    """Of each of them."""
    lengths: tuple[int, ...] = (48, 128)
    """Frames that are heard of a note, one of them in each batch."""
    mixtures: int = 128
    """In a batch of mixtures."""
    queue: int = 4096
    counted: int = 16
    """Batches that give the statistics of batch norms before each validation."""
    recast: float = 0.4
    layered: float = 0.4
    mixtures_recast: float = 0.6
    paper_share: float = 0.65
    notes_rate: float = 0.02
    """Muon's; AdamW's is a tenth of it."""
    mixtures_rate: float = 0.01
    notes_fall: float = 0.85
    """Share of the stage, at its end, in which the rates fall to 0."""
    mixtures_fall: float = 0.92
    others: float = _WEIGHT_OF_OTHERS
    """How often an instrument of a dataset without a weight of its own is drawn."""


def make_network(sizes: Sizes, pack: Pack) -> ConvAst:
    """A fresh network."""
    return ConvAst(
        ConvAstConfig(
            bands=pack.head.bands,
            widths=sizes.widths,
            time_stride=sizes.time_stride,
            n_layers=sizes.layers,
            n_heads=sizes.heads,
            embedding_size=sizes.embedding,
            mixture_frames=pack.head.mixture_frames,
            families=FAMILIES,
            n_query_layers=sizes.query_layers,
        )
    )


def make_pool(sizes: Sizes, pack: Pack, device: torch.device) -> FeaturePool:
    """All training notes, on the device."""
    weights = [WEIGHTS.get(name, sizes.others) for name in pack.caches]
    return FeaturePool.join(list(pack.caches.values()), weights, str(device))


def stage_config(sizes: Sizes, stage: str) -> StageConfig:
    """Rates of a stage."""
    rate, fall = (
        (sizes.notes_rate, sizes.notes_fall)
        if stage == "notes"
        else (sizes.mixtures_rate, sizes.mixtures_fall)
    )
    return StageConfig(matrix_rate=rate, rate=rate / 10, fall_share=fall)


def make_note_stage(
    sizes: Sizes, pack: Pack, pool: FeaturePool, network: ConvAst, precision: torch.dtype
) -> NoteStage:
    """The first stage.

    Raises:
        DataError: There are no two instruments with two notes.
    """
    n_pairs = int((pool.n_notes >= 2).sum())
    if n_pairs < 2:
        raise DataError("Fewer than two instruments have two notes: there is nothing to compare.")
    network.requires_grad_(True)
    config = network.config
    sampler = NoteSampler(
        pool,
        config.bands,
        sizes.lengths,
        min(sizes.instruments, n_pairs),
        sizes.notes,
        sizes.recast,
        sizes.layered,
    )
    first = list(pack.caches.values())[:1]
    validation = NoteValidation.of(first, max(config.heard_frames), str(pool.device))
    return NoteStage(
        network, sampler, stage_config(sizes, "notes"), validation, precision=precision
    )


def make_mixture_stage(
    sizes: Sizes, pack: Pack, pool: FeaturePool, network: ConvAst, precision: torch.dtype
) -> MixtureStage:
    """The second stage; the network's mixtures must have begun.

    Raises:
        DataError: The pack has no mixtures to validate on.
    """
    if pack.mixtures is None:
        raise DataError("The parts have no mixtures to validate on; copy the first part, too.")
    first = next(iter(pack.caches.values()))
    config = network.config
    sampler = MixtureSampler(
        pool, config.bands, config.mixture_frames, sizes.mixtures, sizes.mixtures_recast
    )
    return MixtureStage(
        network,
        sampler,
        stage_config(sizes, "mixtures"),
        MixtureValidation.of(pack.mixtures, first, max(config.heard_frames)),
        paper_families=pack.mixtures.families,
        paper_share=sizes.paper_share,
        queue_size=sizes.queue,
        seed=0,
        n_counted_batches=sizes.counted,
        precision=precision,
    )


def note_kinds(stage: NoteStage) -> list[Kind]:
    """A kind of step for each length of a note."""
    sampler = stage.sampler

    def of_length(n_frames: int) -> Losses:
        own = replace(sampler, lengths=(n_frames,))
        return lambda generator: stage.losses_of(own.draw(generator))

    return [Kind(1.0, of_length(n_frames)) for n_frames in sampler.lengths]


def mixture_kinds(stage: MixtureStage, seed: int) -> list[Kind]:
    """The paper's families, and some choices of others."""
    draws = np.random.default_rng(seed)

    def of_families(families: tuple[str, ...]) -> Losses:
        return lambda generator: stage.losses_of(families, generator)

    others = [
        Kind((1 - stage.paper_share) / _CHOICES, of_families(stage.draw_others(draws)))
        for _ in range(_CHOICES)
    ]
    return [Kind(stage.paper_share, of_families(stage.paper_families)), *others]


def compile_trained(network: ConvAst, stage: str) -> None:
    """Compile what a stage trains, and nothing else: other shapes would be compiled again."""
    for name, trunk in (("notes", network.notes), ("mixtures", network.mixtures)):
        assert isinstance(trunk, nn.Module)
        trunk._compiled_call_impl = None
        if name == stage:
            trunk.compile(dynamic=False)
