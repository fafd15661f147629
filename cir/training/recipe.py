"""The recipe of our models: data, features, first the notes and then the mixtures."""

import time
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from cir.config import Amount, Count, Number, Positive, Share, checked
from cir.datasets.base import NoteDataset
from cir.datasets.registry import open_dataset
from cir.errors import DataError, InputError
from cir.instruments.families import FAMILIES
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import ConvAstConfig
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.mixture_batches import MixtureSampler
from cir.training.mixture_stage import MixtureStage
from cir.training.mixture_validation import MixtureValidation
from cir.training.note_batches import NoteSampler
from cir.training.note_stage import NoteStage, NoteValidation
from cir.training.run_config import check_sources
from cir.training.sound_fit import N_MIXTURES, FitSource, can_fit, fit_to_sound
from cir.training.stage import Stage, StageConfig
from cir.training.stage_loop import STABLE, run_stage
from cir.types import Progress

_N_CLIPS = 16
_SECONDS = 2.0


def choose_precision(network: ConvAst, device: torch.device) -> torch.dtype:
    """Train a copy for a few seconds in both formats, and return the faster one.

    Some processors have bfloat16 only in name. A GPU always takes bfloat16.
    """
    if device.type == "cuda":
        return torch.bfloat16
    with torch.random.fork_rng(devices=[]):
        trial = ConvAst(network.config)
    # The first of each warms up.
    seconds = {
        precision: min(_time(trial, precision) for _ in range(2))
        for precision in (torch.float32, torch.bfloat16)
    }
    return min(seconds, key=lambda precision: seconds[precision])


def _time(network: ConvAst, precision: torch.dtype) -> float:
    """Measure the seconds of processor time that a step of notes takes."""
    levels = torch.zeros(_N_CLIPS, network.config.note_frames, network.config.bands.n_bands)
    began, steps = time.process_time(), 0
    while time.process_time() - began < _SECONDS / 4 or not steps:
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            embeddings = network.embed_once(levels)
        loss = nn.functional.mse_loss(embeddings.float(), torch.ones_like(embeddings).float())
        loss.backward()  # type: ignore[no-untyped-call]
        steps += 1
    return (time.process_time() - began) / steps


@checked()
class NoteStageConfig(StageConfig):
    """The first stage: notes."""

    n_instruments: Count = 128
    """In a batch; fewer if the data has fewer."""
    notes_per_instrument: Annotated[int, Field(ge=2)] = 2
    recast_share: Share = 0.3
    layered_share: Share = 0.3
    lengths: tuple[Count, ...] = ()
    """Frames that are heard of a note, one of them in each batch; empty: `encoder.note_frames`."""


@checked()
class MixtureStageConfig(StageConfig):
    """The second stage: mixtures."""

    matrix_rate: Positive = 0.01
    rate: Positive = 1e-3
    n_mixtures: Count = 48
    """In a batch."""
    recast_share: Share = 0.5
    queue_size: Number = 1024
    """Recast instruments of earlier batches among the candidates of each family."""
    paper_share: Share = 0.6
    """Share of batches with the paper's families; the others have two to five of any."""
    level_range_db: Amount = 3.0
    coloured_share: Share = 0.3
    n_validation_mixtures: Count = 300
    n_counted_batches: Count = 16
    """Batches that give the statistics of batch norms before each validation; each has other
    families."""
    n_fitted_mixtures: Number = N_MIXTURES
    """Mixtures of training instruments, played as sound, that the network is fitted to at the end,
    of all sources that have instruments of each of the paper's families; 0 leaves the fit out."""


@checked()
class RecipeConfig:
    """A training from notes to a model."""

    data: tuple[str, ...]
    """Sources as `cir.datasets.registry.open_dataset` names them; the valid split of the first one
    is validated on."""
    data_weights: tuple[Positive, ...] = ()
    """How often an instrument of each source is drawn, relative to the others; empty: alike."""
    seed: Number = 0
    encoder: ConvAstConfig = field(default_factory=lambda: ConvAstConfig(families=FAMILIES))
    notes: NoteStageConfig = field(default_factory=NoteStageConfig)
    mixtures: MixtureStageConfig = field(default_factory=MixtureStageConfig)
    initial: str | None = None
    """Folder of a run to start from, at the point where its rates began to fall."""
    validate_minutes: Amount = 10.0
    threads: Number = 0
    """Threads of the CPU; 0 leaves it to torch."""

    def __post_init__(self) -> None:
        check_sources(self.data, self.data_weights)
        if not self.encoder.families:
            raise InputError("families of the encoder must name at least one family.")

    @property
    def source_weights(self) -> tuple[float, ...]:
        """One weight for each source."""
        return self.data_weights or (1.0,) * len(self.data)


def train_recipe(
    config: RecipeConfig,
    folder: Path,
    *,
    cache: Path,
    device: torch.device,
    progress: Progress | None = None,
) -> Path:
    """Train both stages, or resume them.

    Args:
        config: The run.
        folder: Gets `notes`, `mixtures` and, at the end, `model`.
        cache: Where features are kept, of this run and others.
        device: Where everything is computed.
        progress: Called while features are computed; stages print lines of their own.

    Returns:
        The folder of the model; it does not exist if the run was stopped before its end.

    Raises:
        CirError: Data is missing or damaged, or a checkpoint is of another run.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    datasets = [open_dataset(spec, seed=config.seed) for spec in config.data]
    caches = [
        FeatureCache.open(cache, dataset, config.encoder.bands, progress=progress)
        for dataset in datasets
    ]
    pool = FeaturePool.join(caches, config.source_weights, str(device))
    torch.manual_seed(config.seed)
    network = ConvAst(config.encoder).to(device)
    precision = choose_precision(network, device)
    model = folder / "model"
    notes = make_note_stage(config, network, pool, caches, precision)
    if not _run(notes, config, config.notes, folder / "notes", device):
        return model
    mixtures = make_mixture_stage(config, network, pool, caches, datasets, precision, progress)
    if _run(mixtures, config, config.mixtures, folder / "mixtures", device):
        TimbreEncoder(network, device).save_pretrained(model)
    return model


def _run(
    stage: Stage, config: RecipeConfig, own: StageConfig, folder: Path, device: torch.device
) -> bool:
    """Return whether the stage reached its end."""
    initial = None if config.initial is None else Path(config.initial) / folder.name / STABLE
    return run_stage(
        stage,
        own,
        folder,
        seed=config.seed,
        device=device,
        validate_minutes=config.validate_minutes,
        initial=initial if initial is not None and initial.is_file() else None,
    )


def make_note_stage(
    config: RecipeConfig,
    network: ConvAst,
    pool: FeaturePool,
    caches: list[FeatureCache],
    precision: torch.dtype,
) -> NoteStage:
    """Return the first stage, of a fresh network.

    Raises:
        DataError: There are no two instruments with two notes.
    """
    own = config.notes
    n_pairs = int((pool.n_notes >= 2).sum())
    if n_pairs < 2:
        raise DataError("Fewer than two instruments have two notes: there is nothing to compare.")
    sampler = NoteSampler(
        pool,
        config.encoder.bands,
        own.lengths or (config.encoder.note_frames,),
        min(own.n_instruments, n_pairs),
        own.notes_per_instrument,
        own.recast_share,
        own.layered_share,
    )
    validation = NoteValidation.of(caches[:1], max(config.encoder.heard_frames), str(pool.device))
    return NoteStage(network, sampler, own, validation, precision=precision)


def make_mixture_stage(
    config: RecipeConfig,
    network: ConvAst,
    pool: FeaturePool,
    caches: list[FeatureCache],
    datasets: list[NoteDataset],
    precision: torch.dtype,
    progress: Progress | None = None,
) -> MixtureStage:
    """Return the second stage, of a network that has learned notes.

    Raises:
        CirError: The first dataset cannot play the mixtures to validate on.
    """
    own = config.mixtures
    families = tuple(name for name in PAPER_FAMILIES if name in config.encoder.families)
    network.begin_mixtures()
    sampler = MixtureSampler(
        pool,
        config.encoder.bands,
        config.encoder.mixture_frames,
        own.n_mixtures,
        own.recast_share,
        own.level_range_db,
        own.coloured_share,
    )
    validation = MixtureValidation.draw(
        datasets[0],
        caches[0],
        network,
        families=families,
        n_mixtures=own.n_validation_mixtures,
    )
    fit = None
    if own.n_fitted_mixtures and any(can_fit(dataset, families) for dataset in datasets):
        fit = partial(
            fit_to_sound,
            sources=list(map(FitSource, datasets, caches, config.source_weights)),
            families=families,
            n_mixtures=own.n_fitted_mixtures,
            progress=progress,
        )
    return MixtureStage(
        network,
        sampler,
        own,
        validation,
        paper_families=families,
        paper_share=own.paper_share,
        queue_size=own.queue_size,
        seed=config.seed,
        n_counted_batches=own.n_counted_batches,
        precision=precision,
        fit=fit,
    )
