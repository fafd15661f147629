"""What a network hears in mixtures."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Heard:
    """Answers to a batch of mixtures; nothing in it is normalised."""

    overall: Tensor
    """One embedding for the whole mixture, (B, E)."""
    embeddings: Tensor
    """Of the family queries in the order of the configuration, (B, families, E)."""
    presence: Tensor
    """Logits of whether the family plays, (B, families); (B, 0) where the network does not tell."""

    @property
    def with_overall(self) -> Tensor:
        """The overall embedding, then those of the families, (B, 1 + families, E)."""
        return torch.cat([self.overall.unsqueeze(1), self.embeddings], 1)

    @classmethod
    def overall_alone(cls, overall: Tensor) -> Self:
        """Where there is no family query; argument as above."""
        return cls(overall, overall.new_zeros(len(overall), 0, overall.shape[-1]), overall[:, :0])

    @classmethod
    def concatenate(cls, batches: list[Self]) -> Self:
        """Batches one after the other, on the CPU in full precision."""
        return cls(
            *(
                torch.cat([getattr(batch, field.name).float().cpu() for batch in batches])
                for field in fields(cls)
            )
        )
