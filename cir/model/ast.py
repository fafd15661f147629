"""The network of the paper: log-mels in, raw embeddings out."""

import torch
from torch import Tensor, nn
from transformers import ASTConfig, ASTModel
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import (  # noqa: E501
    ASTEmbeddings,
)

from cir.audio.features import log_mel
from cir.audio.log_frequency import normalise_peak
from cir.model.heads import FamilyQueries, Heard, LinearQueries, QueryHead
from cir.model.network_config import EncoderConfig


class CroppedEmbeddings(ASTEmbeddings):  # type: ignore[misc]  # no types
    """Patch embeddings whose positional table is cropped in time to the clip at hand.

    transformers' AST takes exactly `max_length` frames; a single note would pay for a mixture's.
    """

    def forward(self, input_values: Tensor) -> Tensor:
        """Embed log-mels (B, F, n_mels) as tokens (B, 2 + patches, hidden_size)."""
        patches = self.patch_embeddings(input_values)
        patches = patches + self._crop_table(n_columns=patches.shape[1] // self.n_bands)
        first = torch.cat([self.cls_token, self.distillation_token], 1)
        first = (first + self.position_embeddings[:, :2]).expand(len(patches), -1, -1)
        tokens: Tensor = self.dropout(torch.cat([first, patches], 1))
        return tokens

    @property
    def n_bands(self) -> int:
        """Rows of patches, along frequency."""
        bands: int = self.get_shape(self.config)[0]
        return bands

    def _crop_table(self, n_columns: int) -> Tensor:
        """Positions of the first `n_columns` columns of patches, (1, patches, hidden_size)."""
        patches = self.position_embeddings[:, 2:]  # (1, bands x columns, hidden_size)
        table = patches.reshape(1, self.n_bands, -1, patches.shape[-1])
        cropped: Tensor = table[:, :, :n_columns].flatten(1, 2)
        return cropped


def build_ast(config: EncoderConfig) -> ASTModel:
    """An AST of the configured size with fresh weights."""
    ast_config = ASTConfig(
        hidden_size=config.hidden_size,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=4 * config.hidden_size,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        patch_size=config.patch_size,
        frequency_stride=config.frequency_stride,
        time_stride=config.time_stride,
        max_length=config.mixture_frames,
        num_mel_bins=config.n_mels,
    )
    model = ASTModel(ast_config)
    embeddings = CroppedEmbeddings(ast_config)
    embeddings.load_state_dict(model.embeddings.state_dict())
    model.embeddings = embeddings
    return model


class TimbreNetwork(nn.Module):
    """An AST for notes and mixtures, with the family queries that the configuration asks for."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.ast = build_ast(config)
        self.family_queries = _build_family_queries(config) if config.families else None
        self.mixture_ast = None if config.shared_encoder else build_ast(config)

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
        """Answer the family queries about log-mels of mixtures (B, F, n_mels)."""
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
