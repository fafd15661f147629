"""The end of training: a network that learned from spectrograms is fitted to sound.

Training adds up the powers of notes. Sound is a little different, so that answers about mixtures
miss the notes of their instruments, in a few directions much more than in others. Batch norms are
counted anew over sound, and then the embeddings are whitened.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.datasets.base import NoteDataset
from cir.errors import DataError
from cir.mixtures.pool import NotePool
from cir.model.conv_ast import ConvAst
from cir.training.batch_norms import count_statistics
from cir.training.feature_cache import FeatureCache
from cir.training.mixture_validation import PlayedMixtures
from cir.training.note_stage import embed_levels
from cir.training.whitening import whitening
from cir.types import Progress

N_MIXTURES = 700
"""So many are enough; see `fit_to_sound`."""
_PAPER_SHARE = 0.65
_N_FAMILIES = 3
_N_TOGETHER = 10
"""Mixtures in a row that have the same families."""
_BATCH = 48


class FitSource(NamedTuple):
    """A dataset whose training instruments play."""

    dataset: NoteDataset
    cache: FeatureCache
    """Its features."""
    weight: float = 1.0
    """How many of the mixtures it plays, relative to the other sources."""


def fit_to_sound(
    network: ConvAst,
    sources: Sequence[FitSource],
    families: Sequence[str],
    n_mixtures: int,
    progress: Progress | None = None,
) -> None:
    """Make a trained network ready to be served; it is no start for further training.

    Args:
        network: Changed in place.
        sources: Those that have training instruments of all of `families` play.
        families: Those of two thirds of the mixtures; the others are in groups of ten, each with
            three families drawn from all.
        n_mixtures: Mixtures of all sources together, or a few more.
        progress: Called while notes are decoded.

    Raises:
        DataError: No source has training instruments of all of `families`.
    """
    able = [one for one in sources if can_fit(one.dataset, families)]
    if not able:
        raise DataError(
            f"No data has training instruments of each of {', '.join(families)}: there is nothing "
            "to fit the network to."
        )
    total = sum(one.weight for one in able)
    parts = [
        (played, one.cache)
        for one in able
        for played in play_training_mixtures(
            one.dataset, network, families, math.ceil(n_mixtures * one.weight / total), progress
        )
    ]
    device = next(network.parameters()).device
    windows = torch.cat([played.windows for played, _ in parts])
    windows = windows[torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))]
    batches = torch.tensor_split(windows, math.ceil(len(windows) / _BATCH))
    count_statistics(network, (levels.to(device).float() for levels in batches))
    differences = [differences_within(network, played, cache) for played, cache in parts]
    of_answers, of_notes = map(torch.cat, zip(*differences, strict=True))
    network.multiply(whitening(of_answers, of_notes).to(device))


def can_fit(dataset: NoteDataset, families: Sequence[str]) -> bool:
    """Return whether a dataset has training instruments of all families."""
    playing = {one.family for one in dataset.instruments("train") if one.effects_on}
    return playing >= set(families)


def play_training_mixtures(
    dataset: NoteDataset,
    network: ConvAst,
    families: Sequence[str],
    n_mixtures: int,
    progress: Progress | None = None,
) -> list[PlayedMixtures]:
    """Play mixtures of training instruments of one dataset to fit a network to.

    Args:
        dataset: Its training instruments play.
        network: Says how features are computed, and which families may play.
        families: See `fit_to_sound`.
        n_mixtures: So many, or a few more; each has a seed of its own, from 0.
        progress: Called while notes are decoded.

    Raises:
        DataError: The dataset has no training instrument of one of the families.
    """
    pool = NotePool.from_datasets(
        [dataset], split="train", families=network.config.families, progress=progress
    )
    n_paper = round(_PAPER_SHARE * n_mixtures)
    played = [PlayedMixtures.play(pool, network, families, n_paper)]
    present = {one.family for one in pool.instruments}
    known = [family for family in network.config.families if family in present]
    draws = np.random.default_rng(0)
    for seed in range(n_paper, n_mixtures, _N_TOGETHER):
        chosen = draws.permutation(known)[:_N_FAMILIES].tolist()
        played.append(PlayedMixtures.play(pool, network, chosen, _N_TOGETHER, first_seed=seed))
    return played


@torch.inference_mode()
def differences_within(
    network: ConvAst, played: PlayedMixtures, cache: FeatureCache
) -> tuple[Tensor, Tensor]:
    """Return how embeddings of one instrument differ from that of its reference note.

    Args:
        network: Trained; it is not changed.
        played: Mixtures of training instruments, played as sound. Mixtures made of spectrograms
            do not do: a model gained half a point by them (benchmarks/model_log.md).
        cache: Features of the same dataset.

    Returns:
        Differences of the answers about mixtures, (N, E), and of the second note of each
        instrument that has one, (M, E).
    """
    network.eval()
    device = next(network.parameters()).device
    table = cache.table
    first = table.references
    owners = table.instruments[first]
    plays = table.effects_on[owners]
    place = dict(zip(table.ids[owners[plays]].tolist(), first[plays].tolist(), strict=True))
    players = [place[name] for names in played.players for name in names]
    references, number = np.unique(players, return_inverse=True)
    has_others = np.bincount(table.instruments)[table.instruments[references]] > 1

    def embed(rows: NDArray[np.int64]) -> Tensor:
        levels = cache.levels[rows, : max(network.config.heard_frames)]
        return embed_levels(network, torch.from_numpy(levels).to(device)).cpu()

    own = embed(references)
    of_answers = played.answers(network).flatten(0, 1).cpu() - own[torch.from_numpy(number)]
    of_notes = embed(references[has_others] + 1) - own[torch.from_numpy(has_others)]
    return of_answers, of_notes
