"""A simple training loop, the baseline of `training_speed`.

Every note is a WAV file at 48 kHz that is read and resampled whenever it plays; clips are made one
by one; transformers' feature extractor and model are used unchanged, so that notes are padded to
the length of mixtures; everything is float32.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor
from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

from cir.audio.bands import PEAK
from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.losses.full_triplet import full_triplet
from cir.mixtures.plan import MixturePlan, StemPlan
from cir.model.network_config import EncoderConfig
from cir.training.sampler import MixtureBatchPlan
from cir.types import SAMPLE_RATE, FloatArray

_RENDERED_RATE = 48_000


class RenderedNotes(NoteBankDataset):
    """The first instruments of each family of a note bank, every note a WAV file at 48 kHz."""

    def __init__(self, bank: Path, folder: Path, n_instruments: int) -> None:
        """Files are written to `folder` when their notes are first asked for."""
        super().__init__(bank, twins=False)
        self._folder = folder
        self._n_instruments = n_instruments

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """See `NoteDataset`."""
        chosen: list[DatasetInstrument] = []
        seen: Counter[str | None] = Counter()
        for instrument in super().instruments(split):
            if seen[instrument.family] < self._n_instruments:
                seen[instrument.family] += 1
                chosen.append(instrument)
        return chosen

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """Return the description of the files."""
        notes = []
        for number, note in enumerate(super().notes(instrument)):
            path = self.path(instrument.instrument_id, number)
            path.parent.mkdir(exist_ok=True)
            rendered = soxr.resample(note.audio, SAMPLE_RATE, _RENDERED_RATE)
            soundfile.write(path, rendered, _RENDERED_RATE, subtype="PCM_16")
            notes.append(replace(note, audio=read_note(path)))
        return notes

    def path(self, instrument_id: str, number: int) -> Path:
        """Return the file of an instrument's note."""
        return self._folder / instrument_id / f"{number:03d}.wav"


@dataclass(frozen=True)
class NoteFile:
    """Return the file of a note of the pool, and the gain that restores its level."""

    path: Path
    gain: float


def read_note(path: Path) -> FloatArray:
    """Read a note at 16 kHz, float32, (T,)."""
    sound, rate = soundfile.read(path, dtype="float32")
    resampled: FloatArray = librosa.resample(
        sound, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq"
    )
    return resampled


class StraightforwardData:
    """Renders plans as log-mels, clip by clip on the CPU."""

    def __init__(self, files: Sequence[NoteFile], encoder: EncoderConfig) -> None:
        """`files` are in the order of the rows of the pool."""
        self._files = files
        self._encoder = encoder
        self._extractor = ASTFeatureExtractor(  # type: ignore[no-untyped-call]
            max_length=encoder.mixture_frames, num_mel_bins=encoder.n_mels
        )

    def clips(self, plan: MixtureBatchPlan) -> list[FloatArray]:
        """Return the mixtures, then their notes, all as long as a mixture and at the same peak."""
        mixtures = [self._mix(mixture) for mixture in plan.mixtures]
        notes = [
            read_note(self._files[row].path)[: self._encoder.note_samples]
            for rows in plan.note_rows
            for row in rows
        ]
        length = self._encoder.mixture_samples
        return [
            np.pad(_to_peak(clip), (0, length - len(clip))).astype(np.float32)
            for clip in mixtures + notes
        ]

    def log_mels(self, clips: Sequence[FloatArray]) -> Tensor:
        """Return log-mels of clips, (B, F, n_mels)."""
        features = [
            self._extractor(clip, sampling_rate=SAMPLE_RATE, return_tensors="pt")["input_values"]
            for clip in clips
        ]
        return torch.cat(features)

    def _mix(self, plan: MixturePlan) -> FloatArray:
        mix = np.zeros(plan.n_samples, np.float32)
        for stem in plan.stems:
            sound = _to_peak(self._play(stem, plan.n_samples))
            mix += sound * np.float32(10 ** (stem.gain_db / 20))
        return _to_peak(mix)

    def _play(self, stem: StemPlan, n_samples: int) -> FloatArray:
        audio = np.zeros(n_samples, np.float32)
        for row, start, length, fade, gain in stem.notes:
            sound = read_note(self._files[row].path) * np.float32(self._files[row].gain * gain)
            if len(sound) > length:
                sound = sound[:length]
                fade = min(fade, length)
                sound[-fade:] *= np.linspace(1, 0, fade + 1, dtype=np.float32)[1:]
            sound = sound[: n_samples - start]
            audio[start : start + len(sound)] += sound
        return audio


class StraightforwardTraining:
    """The paper's best loss on transformers' AST, in float32."""

    def __init__(self, encoder: EncoderConfig, learning_rate: float, device: torch.device) -> None:
        config = ASTConfig(
            hidden_size=encoder.hidden_size,
            num_hidden_layers=encoder.n_layers,
            num_attention_heads=encoder.n_heads,
            intermediate_size=4 * encoder.hidden_size,
            patch_size=encoder.patch_size,
            frequency_stride=encoder.frequency_stride,
            time_stride=encoder.time_stride,
            max_length=encoder.mixture_frames,
            num_mel_bins=encoder.n_mels,
        )
        self.device = device
        self.model = ASTModel(config)
        self.model.to(device)  # type: ignore[arg-type]
        self.model.train()
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=learning_rate)

    def step(self, log_mels: Tensor, plan: MixtureBatchPlan) -> None:
        """Train one step on log-mels (B, F, n_mels), the mixtures first."""
        embeddings = self.model(log_mels.to(self.device)).pooler_output
        n_mixtures = len(plan.mixtures)
        sizes = torch.tensor([len(rows) for rows in plan.note_rows])
        owners = torch.repeat_interleave(torch.arange(n_mixtures), sizes).to(self.device)
        loss = full_triplet(embeddings[:n_mixtures], embeddings[n_mixtures:], owners)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()


def _to_peak(audio: FloatArray) -> FloatArray:
    peak = float(np.abs(audio).max())
    return audio * np.float32(PEAK / peak) if peak > 0 else audio
