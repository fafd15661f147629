"""The end of training: a network that learned from spectrograms is fitted to sound.

Training mixes the powers of notes. Answers about mixtures that are played as sound are moved
against those, and in a few directions miss the notes of their instruments much more than in others.
Batch norms are counted anew over sound, and then the embeddings are whitened.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.datasets.base import NoteDataset
from cir.mixtures.pool import NotePool
from cir.model.conv_ast import ConvAst
from cir.training.batch_norms import count_statistics
from cir.training.feature_cache import FeatureCache
from cir.training.mixture_validation import PlayedMixtures
from cir.training.note_stage import embed_levels
from cir.training.whitening import whitening

N_MIXTURES = 700
_PAPER_SHARE = 0.65
_GROUP = 3, 10
"""Families of a group of other mixtures, and mixtures in it."""
_BATCH = 48


def play_training_mixtures(
    dataset: NoteDataset,
    network: ConvAst,
    families: Sequence[str],
    n_mixtures: int = N_MIXTURES,
) -> list[PlayedMixtures]:
    """Play mixtures of training instruments of one dataset to fit a network to.

    Args:
        dataset: Its training instruments play.
        network: Says how features are computed, and which families may play.
        families: Those of two thirds of the mixtures; in each group of the others, three of all.
        n_mixtures: At least as many are played.

    Raises:
        DataError: The dataset has no training instrument of one of the families.
    """
    pool = NotePool.from_datasets([dataset], split="train", families=network.config.families)
    n_paper = round(_PAPER_SHARE * n_mixtures)
    played = [PlayedMixtures.play(pool, network, families, n_paper)]
    present = {one.family for one in pool.instruments}
    known = [family for family in network.config.families if family in present]
    draws = np.random.default_rng(0)
    n_families, n_group = _GROUP
    for _ in range(math.ceil((n_mixtures - n_paper) / n_group)):
        chosen = draws.permutation(known)[:n_families].tolist()
        played.append(PlayedMixtures.play(pool, network, chosen, n_group))
    return played


@torch.inference_mode()
def scatter_within(
    network: ConvAst, played: PlayedMixtures, cache: FeatureCache
) -> tuple[Tensor, Tensor]:
    """Return how embeddings of one instrument differ from that of its reference note.

    Args:
        network: Trained; it is not changed.
        played: Mixtures of training instruments, played as sound. With mixtures made of
            spectrograms, as in training, a model gained nothing (benchmarks/model_log.md).
        cache: Features of the same dataset.

    Returns:
        Differences of the answers about mixtures, (N, E), and of other notes, (M, E).
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


def fit_to_sound(network: ConvAst, heard: Sequence[tuple[PlayedMixtures, FeatureCache]]) -> None:
    """Fit a trained network to mixtures that are played as sound; then it is ready to be served.

    Training mixes the powers of spectrograms. Batch norms are counted anew over sound, and then
    the embeddings are whitened.

    Args:
        network: Changed in place, and not to be trained further.
        heard: Mixtures of training instruments, and features of the dataset they are from.
    """
    device = next(network.parameters()).device
    windows = torch.cat([played.windows for played, _ in heard])
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
    batches = torch.split(windows[order], _BATCH)
    count_statistics(network, (levels.to(device).float() for levels in batches))
    differences = [scatter_within(network, played, cache) for played, cache in heard]
    of_answers, of_notes = map(torch.cat, zip(*differences, strict=True))
    network.multiply(whitening(of_answers, of_notes).to(device))
