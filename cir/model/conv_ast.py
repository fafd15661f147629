"""Our network: an encoder for notes, and one for mixtures that starts as its copy."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, pad

from cir.audio.features import normalise_peak
from cir.audio.log_frequency import bring_to_level, log_bands
from cir.model.conv_ast_config import ConvAstConfig
from cir.model.conv_trunk import Trunk
from cir.model.heads import CELL, FamilyHead, Heard, NoteHead
from cir.model.windows import window_starts

_WINDOWS_AT_ONCE = 16


class ConvAst(nn.Module):
    """Embeds notes and mixtures in one space.

    The notes are trained first. Then their encoder stays as it is, and a copy of it learns to find
    them in mixtures.
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

        The first second says most; the mean with the embedding of the whole note tells instruments
        apart better than either (benchmarks/model_log.md).
        """
        lengths = {min(n, levels.shape[1]) for n in self.config.heard_frames}
        parts = [
            normalize(self.embed_once(bring_to_level(levels[:, :n])).float(), dim=-1)
            for n in sorted(lengths)
        ]
        return torch.stack(parts).sum(0)

    def listen(self, levels: Tensor) -> Heard:
        """Answer the family queries about mixtures' levels (B, frames, bands).

        A network without queries reads a mixture as it reads a note.
        """
        if self.mixtures is None or self.family_head is None:
            return Heard.overall_alone(self.embed_once(levels))
        heard: Heard = self.family_head(self.mixtures(levels))
        return heard

    def share_out(self, levels: Tensor) -> Tensor:
        """Return shares of families and others, which sum to 1, in the cells of mixtures' levels.

        (B, families + 1, frames / CELL, bands / CELL).
        """
        assert self.mixtures is not None and self.family_head is not None
        return self.family_head.mask_logits(self.mixtures(levels)).softmax(1)

    @torch.inference_mode()
    def family_shares(self, audio: Tensor) -> Tensor:
        """Return each family's share in the energy of a mixture of any length.

        Windows overlap by half; what they say of a cell is averaged.

        Args:
            audio: Waveform at 16 kHz, (T,).

        Returns:
            Shares of each family and of others, which sum to 1, (families + 1, frames, bands); the
            frames cover the sound.
        """
        cell_samples = CELL * self.config.bands.hop_samples
        n_window = self.config.mixture_frames // CELL
        n_cells = max(n_window, -(-len(audio) // cell_samples))
        padded = pad(audio, (0, n_cells * cell_samples - len(audio)))
        starts = window_starts(n_cells, n_window)
        n_samples = n_window * cell_samples
        windows = torch.stack([padded[n * cell_samples :][:n_samples] for n in starts])
        parts = torch.split(windows, _WINDOWS_AT_ONCE)
        shares = torch.cat([self.share_out(self.features(part)) for part in parts]).float()
        # (windows, families + 1, cells along time, along frequency)
        total = shares.new_zeros(shares.shape[1], n_cells, shares.shape[3])
        counts = shares.new_zeros(n_cells, 1)
        for start, share in zip(starts, shares, strict=True):
            total[:, start : start + n_window] += share
            counts[start : start + n_window] += 1
        cells = (total / counts)[None]
        frames: Tensor = interpolate(cells, scale_factor=CELL, mode="bilinear")[0]
        return frames[:, : -(-len(audio) // self.config.bands.hop_samples)]

    def begin_mixtures(self) -> None:
        """Let the mixtures' encoder start as the notes'."""
        assert self.mixtures is not None and self.family_head is not None
        self.mixtures.load_state_dict(self.notes.state_dict())
        self.family_head.overall.load_state_dict(self.note_head.state_dict())
