"""Upper bounds of any separation: methods that are given the stems of a mixture."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cir.baselines.phrases import MIXTURES_AT_ONCE, StemsEncoder
from cir.instruments.families import check_families
from cir.mixtures.render import Mixture
from cir.types import SAMPLE_RATE, FloatArray


class KnownStems(StemsEncoder):
    """Embeds the stems of mixtures with a single-instrument encoder, each as a phrase.

    A family that plays twice in a mixture is heard as the sum of both stems; for one that does not
    play, the whole mixture is embedded.
    """

    name: ClassVar[str]

    @abstractmethod
    def stems(self, mixture: Mixture) -> FloatArray:
        """Return what is heard of each of the mixture's stems, (S, T)."""

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.name

    def embed_known(self, mixtures: Sequence[Mixture], families: Sequence[str]) -> FloatArray:
        """Embed mixtures once per family, (N, F, D), unit norm.

        Raises:
            InputError: There is no such family.
        """
        names = check_families(families)
        embeddings = np.zeros((len(mixtures), len(names), self.embedding_size), np.float32)
        for start in range(0, len(mixtures), MIXTURES_AT_ONCE):
            chunk = mixtures[start : start + MIXTURES_AT_ONCE]
            embeddings[start : start + len(chunk)] = self._phrases.embed_stems(
                [one.mix for one in chunk],
                [_members(one, names) @ self.stems(one) for one in chunk],
                SAMPLE_RATE,
            )
        return embeddings


class TrueStems(KnownStems):
    """The stems themselves, without the effects on the mix: what a perfect separation would give.

    What can still fail is the encoder, which was trained on notes and hears phrases.
    """

    name = "true-stems"

    def stems(self, mixture: Mixture) -> FloatArray:
        """Return the stems as they were mixed, (S, T)."""
        return mixture.stems


def _members(mixture: Mixture, families: Sequence[str]) -> FloatArray:
    """Return 1 where a stem of the mixture is of a family, (F, S)."""
    playing = mixture.plan.families
    return np.array([[one == family for one in playing] for family in families], np.float32)
