"""The trainable network: log-mels in, raw embeddings out."""

import torch
from torch import Tensor, nn

from cir.audio.features import log_mel, normalise_peak
from cir.model.ast import build_ast
from cir.model.config import EncoderConfig
from cir.model.heads import FamilyQueries


class TimbreNetwork(nn.Module):
    """One AST for notes and mixtures, with family queries where the configuration has them."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.ast = build_ast(config)
        self.family_queries = (
            FamilyQueries(len(config.families), config.hidden_size, config.n_heads)
            if config.families
            else None
        )

    def features(self, audio: Tensor) -> Tensor:
        """Waveforms (B, T) of any level to log-mels (B, F, n_mels), always in full precision."""
        with torch.autocast(audio.device.type, enabled=False):
            return log_mel(
                normalise_peak(audio),
                hop_samples=self.config.hop_samples,
                n_mels=self.config.n_mels,
            )

    def embed_notes(self, features: Tensor) -> Tensor:
        """Log-mels of single instruments (B, F, n_mels) to raw embeddings (B, D)."""
        pooled: Tensor = self.ast(features).pooler_output
        return pooled

    def embed_mixtures(self, features: Tensor) -> Tensor:
        """Log-mels of mixtures (B, F, n_mels) to raw embeddings, (B, 1 + families, D).

        The first is the paper's one embedding for the whole mixture, the others answer the family
        queries in the order of the configuration.
        """
        output = self.ast(features)
        pooled: Tensor = output.pooler_output
        if self.family_queries is None:
            return pooled.unsqueeze(1)
        answers = self.family_queries(output.last_hidden_state, pooled)
        return torch.cat([pooled.unsqueeze(1), answers], 1)
