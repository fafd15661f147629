"""The trainable network: one encoder for notes, and one that began as it for mixtures."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cir.audio.features import normalise_peak
from cir.audio.log_frequency import bring_to_level, log_bands
from cir.model.conv_ast.config import ConvAstConfig
from cir.model.conv_ast.family_head import FamilyHead
from cir.model.conv_ast.note_head import NoteHead
from cir.model.conv_ast.trunk import Trunk
from cir.model.heard import Heard


class ConvAst(nn.Module):
    """Notes and mixtures become points of one space.

    Notes make the space; then their encoder stays as it is, and a copy of it learns to find them in
    mixtures.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        self.config = config
        self.notes = Trunk(config)
        self.note_head = NoteHead(config)
        self.mixtures = Trunk(config) if config.families else None
        self.family_head = FamilyHead(config) if config.families else None

    def features(self, audio: Tensor) -> Tensor:
        """Waveforms (B, T) of any level at 16 kHz to levels (B, T // hop, bands)."""
        return bring_to_level(log_bands(normalise_peak(audio), self.config.bands))

    def embed_once(self, levels: Tensor) -> Tensor:
        """Levels (B, frames, bands) to raw embeddings (B, E), as they are trained."""
        embeddings: Tensor = self.note_head(self.notes(levels))
        return embeddings

    def embed_notes(self, levels: Tensor) -> Tensor:
        """Notes' levels (B, frames, bands) to embeddings (B, E) of any length, as they are served.

        What sounds in the first second says most; the mean with what all of the note says tells
        instruments apart better than either (benchmarks/model_log.md).
        """
        lengths = {min(n, levels.shape[1]) for n in self.config.heard_frames}
        parts = [
            normalize(self.embed_once(bring_to_level(levels[:, :n])).float(), dim=-1)
            for n in sorted(lengths)
        ]
        return torch.stack(parts).sum(0)

    def listen(self, levels: Tensor) -> Heard:
        """What the family queries make of mixtures' levels (B, frames, bands).

        Without queries, a mixture is read as a single instrument is.
        """
        if self.mixtures is None or self.family_head is None:
            return Heard.overall_alone(self.embed_once(levels))
        heard: Heard = self.family_head(self.mixtures(levels))
        return heard

    def share_out(self, levels: Tensor) -> Tensor:
        """Shares of families and others in the energy of each cell of mixtures, from 0 to 1.

        Returns:
            (B, families + 1, frames / CELL, bands / CELL); over families and others they sum to 1.
        """
        assert self.mixtures is not None and self.family_head is not None
        return self.family_head.mask_logits(self.mixtures(levels)).softmax(1)

    def begin_mixtures(self) -> None:
        """Let the mixtures' encoder start as the notes'."""
        assert self.mixtures is not None and self.family_head is not None
        self.mixtures.load_state_dict(self.notes.state_dict())
        self.family_head.overall.load_state_dict(self.note_head.state_dict())
