"""Mixtures of held-out instruments as sound, searched for among the references of their family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.datasets.base import NoteDataset
from cir.mixtures.mixture_config import MixtureConfig
from cir.model.conv_ast import ConvAst
from cir.training.feature_cache import FeatureCache
from cir.training.note_stage import accuracy, embed_levels

if TYPE_CHECKING:
    from cir.mixtures.pool import NotePool

_BATCH = 32


@dataclass(frozen=True)
class PlayedMixtures:
    """Mixtures with seeds in a row, as features."""

    families: tuple[str, ...]
    windows: Tensor
    """Levels of the windows of all mixtures, float16, (W, frames, bands)."""
    owners: Tensor
    """The mixture of each window, (W,)."""
    players: tuple[tuple[str, ...], ...]
    """The instruments of each mixture, by family."""

    @classmethod
    def play(
        cls,
        pool: "NotePool",
        network: ConvAst,
        families: Sequence[str],
        n_mixtures: int,
        *,
        first_seed: int = 0,
    ) -> "PlayedMixtures":
        """Play mixtures of the instruments of a pool, one of each family.

        Raises:
            DataError: The pool has no instrument of a family.
        """
        # These read sound files, which benchmarks/gpu does without.
        from cir.audio.dsp import cut_windows
        from cir.mixtures.render import draw_mixture

        windows, owners, players = [], [], []
        for number in range(n_mixtures):
            mixture = draw_mixture(
                first_seed + number, pool, MixtureConfig(families=tuple(families))
            )
            cut = np.stack(cut_windows(mixture.mix, network.config.mixture_samples))
            windows.append(network.features(torch.from_numpy(cut)).half())
            owners += [number] * len(cut)
            players.append(mixture.plan.instrument_ids)
        return cls(tuple(families), torch.cat(windows), torch.tensor(owners), tuple(players))

    @torch.inference_mode()
    def answers(self, network: ConvAst) -> Tensor:
        """Ask about the families of each mixture, as the network is served: unit vectors.

        (mixtures, families, E), on the device of the network.
        """
        device = next(network.parameters()).device
        columns = [network.config.families.index(family) for family in self.families]
        answers = torch.cat(
            [
                normalize(
                    network.listen(part.to(device).float()).embeddings[:, columns].float(), dim=-1
                )
                for part in torch.split(self.windows, _BATCH)
            ]
        )
        summed = answers.new_zeros(len(self.players), *answers.shape[1:])
        summed.index_add_(0, self.owners.to(device), answers)
        return normalize(summed, dim=-1)


@dataclass(frozen=True)
class MixtureValidation(PlayedMixtures):
    """Fixed mixtures of the valid split; every draw of training is new, these never change."""

    references: tuple[Tensor, ...]
    """Levels of the reference notes of each family, float16, (R, frames, bands) each."""
    targets: tuple[Tensor, ...]
    """The reference that plays in each mixture, by family, (mixtures,) each."""
    unheard: tuple[Tensor, ...]
    """Whether each reference is of a held-out instrument, by family, (R,) each."""

    @classmethod
    def draw(
        cls,
        dataset: NoteDataset,
        cache: FeatureCache,
        network: ConvAst,
        *,
        families: Sequence[str],
        n_mixtures: int,
    ) -> "MixtureValidation":
        """Play mixtures and take the references of train and valid instruments.

        Args:
            dataset: Its valid instruments play.
            cache: Features of the same dataset.
            network: Says how features are computed.
            families: One instrument of each plays.
            n_mixtures: Number of mixtures, with the seeds from 0.

        Raises:
            DataError: The dataset has no valid instrument of a family.
        """
        from cir.mixtures.pool import NotePool  # as in `play`

        pool = NotePool.from_datasets([dataset], split="valid", families=families)
        played = PlayedMixtures.play(pool, network, families, n_mixtures)
        return cls.of(played, cache, max(network.config.heard_frames))

    @classmethod
    def of(
        cls, played: PlayedMixtures, cache: FeatureCache, note_frames: int
    ) -> "MixtureValidation":
        """Take the references of train and valid instruments of the same dataset."""
        table = cache.table
        first = table.references
        owner = table.instruments[first]
        references, targets, unheard = [], [], []
        for column, family in enumerate(played.families):
            member = (table.families[owner] == family) & table.effects_on[owner]
            ids = table.ids[owner[member]].tolist()
            levels = cache.levels[first[member], :note_frames]
            references.append(torch.from_numpy(levels))
            targets.append(torch.tensor([ids.index(names[column]) for names in played.players]))
            unheard.append(torch.from_numpy(table.splits[owner[member]] == "valid"))
        found = tuple(references), tuple(targets), tuple(unheard)
        return cls(played.families, played.windows, played.owners, played.players, *found)

    @torch.inference_mode()
    def run(self, network: ConvAst) -> dict[str, float]:
        """Top-1 and top-5 in percent and the mean reciprocal rank, means over families.

        For each family also top-1, top-5, and how often the best match is a held-out instrument,
        as all instruments that play are.
        """
        network.eval()
        device = next(network.parameters()).device
        queries = self.answers(network)
        scores: dict[str, float] = {}
        means = {"top_1": 0.0, "top_5": 0.0, "mrr": 0.0}
        for column, family in enumerate(self.families):
            embedded = embed_levels(network, self.references[column].to(device))
            similarities = queries[:, column] @ embedded.T
            found = accuracy(similarities, self.targets[column])
            best = similarities.argmax(1).cpu()
            scores[f"unheard_best_{family}"] = 100 * float(
                self.unheard[column][best].float().mean()
            )
            for name, value in found.items():
                means[name] += value / len(self.families)
                if name != "mrr":
                    scores[f"{name}_{family}"] = value
        return {**means, **scores}
