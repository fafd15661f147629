"""transformers' Audio Spectrogram Transformer, for clips of any length up to its table's."""

import torch
from torch import Tensor
from transformers import ASTConfig, ASTModel
from transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer import (  # noqa: E501
    ASTEmbeddings,
)

from cir.model.config import EncoderConfig


class CroppedEmbeddings(ASTEmbeddings):  # type: ignore[misc]
    """Patch embeddings whose positional table is cropped in time to the clip at hand.

    transformers' AST takes exactly `max_length` frames; a single note would pay for a mixture's.
    """

    def forward(self, input_values: Tensor) -> Tensor:
        """Embed log-mels (B, F, n_mels) as tokens (B, 2 + patches, hidden_size)."""
        patches = self.patch_embeddings(input_values)
        bands, columns = self.get_shape(self.config)
        kept = (input_values.shape[1] - self.config.patch_size) // self.config.time_stride + 1
        table = self.position_embeddings[:, 2:].unflatten(1, (bands, columns))
        patches = patches + table[:, :, :kept].flatten(1, 2)
        first = torch.cat([self.cls_token, self.distillation_token], 1)
        first = (first + self.position_embeddings[:, :2]).expand(len(patches), -1, -1)
        return torch.cat([first, patches], 1)


def build_ast(config: EncoderConfig) -> ASTModel:
    """An AST of the configured size with fresh weights."""
    ast_config = ASTConfig(
        hidden_size=config.hidden_size,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=4 * config.hidden_size,
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
