"""The trainable network of the paper: log-mels in, raw embeddings out."""

import torch
from torch import Tensor, nn

from cir.audio.features import log_mel, normalise_peak
from cir.model.ast import build_ast
from cir.model.config import EncoderConfig
from cir.model.heads import FamilyQueries, LinearQueries, QueryHead
from cir.model.heard import Heard


class TimbreNetwork(nn.Module):
    """An AST for notes and mixtures, with the family queries that the configuration asks for."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.ast = build_ast(config)
        self.family_queries = _build_family_queries(config) if config.families else None
        self.mixture_ast = None if config.shared_encoder else build_ast(config)

    def set_attention(self, name: str) -> None:
        """Choose transformers' implementation of attention (`eager`, `sdpa`, ...) throughout."""
        for ast in (self.ast, self.mixture_ast):
            if ast is not None:
                ast.set_attn_implementation(name)

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

    def listen(self, features: Tensor) -> Heard:
        """What is heard in log-mels of mixtures (B, F, n_mels)."""
        read = (self.ast if self.mixture_ast is None else self.mixture_ast)(features)
        if self.family_queries is None:
            return Heard.overall_alone(read.pooler_output)
        heard: Heard = self.family_queries(read.last_hidden_state, read.pooler_output)
        return heard


def _build_family_queries(config: EncoderConfig) -> QueryHead:
    n_families, size = len(config.families), config.hidden_size
    if config.query_kind == "linear":
        return LinearQueries(n_families, size)
    return FamilyQueries(n_families, size, config.n_heads)
