"""Our training steps and the straightforward ones, stage by stage, and whether they agree."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from straightforward import NoteFile, StraightforwardData, StraightforwardTraining
from torch import Tensor

from cir.mixtures.pool import NotePool
from cir.model.ast_config import EncoderConfig
from cir.training.batches import BatchRenderer
from cir.training.objective import Objective
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler, MixtureBatchPlan

STAGES = ("sounds", "log_mels", "data_path", "network", "whole_step")
#: How far the two paths may be apart; in log-mels 0.025 is 1 dB.
TOLERANCES = {
    "one_waveform": 0.005,  # largest, log-mels of the same samples
    "audible": 0.05,  # largest, log-mels of each path's own samples, where they can be heard
    "everywhere": 0.02,  # mean; ours are rounded to int16 once more, which fills empty bands
    "embeddings": 0.001,  # largest, of the same log-mels
}
_AUDIBLE = -0.3
"""Log-mels above are heard: 30 dB over what rounding to int16 leaves in an empty band."""
_LEARNING_RATE = 1e-4


@dataclass(frozen=True)
class Seconds:
    """What one step took."""

    sounds: float
    """From a step's number to waveforms, planning included."""
    log_mels: float
    network: float
    """Forward, loss, backward and optimiser."""

    @property
    def data_path(self) -> float:
        """All that comes before the network."""
        return self.sounds + self.log_mels

    @property
    def whole_step(self) -> float:
        """All."""
        return self.data_path + self.network


class OurPath:
    """`cir`'s own sampler, renderer and objective, as `cir train` calls them."""

    def __init__(
        self, pool: NotePool, sampler: BatchSampler, config: TrainingConfig, device: torch.device
    ) -> None:
        self.objective = Objective(config, [-1] * len(pool.instruments)).to(device)
        self.objective.train()
        self.renderer = BatchRenderer(pool, config.encoder, device)
        self._sampler = sampler
        self._device = device
        self._optimizer = torch.optim.AdamW(self.objective.parameters(), lr=_LEARNING_RATE)
        self._features = self.objective.network.features
        self._log_mel_seconds = 0.0
        self.objective.network.features = self._timed_features  # type: ignore[method-assign]

    def step(self, number: int) -> Seconds:
        """Train on batch `number`."""
        self._log_mel_seconds = 0.0
        started = _now(self._device)
        batch = self.renderer.mixtures(self._sampler.mixtures(number))
        played = _now(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            loss = self.objective(batch)["loss"]
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        trained = _now(self._device)
        network = trained - played - self._log_mel_seconds
        return Seconds(played - started, self._log_mel_seconds, network)

    def _timed_features(self, audio: Tensor) -> Tensor:
        started = _now(self._device)
        features = self._features(audio)
        self._log_mel_seconds += _now(self._device) - started
        return features


class StraightforwardPath:
    """The same steps as in `straightforward.py`."""

    def __init__(
        self,
        files: Sequence[NoteFile],
        sampler: BatchSampler,
        encoder: EncoderConfig,
        device: torch.device,
    ) -> None:
        self.data = StraightforwardData(files, encoder)
        self.training = StraightforwardTraining(encoder, _LEARNING_RATE, device)
        self._sampler = sampler
        self._device = device

    def step(self, number: int) -> Seconds:
        """Train on batch `number`."""
        started = _now(self._device)
        plan = self._sampler.mixtures(number)
        clips = self.data.clips(plan)
        played = _now(self._device)
        log_mels = self.data.log_mels(clips).to(self._device)
        heard = _now(self._device)
        self.training.step(log_mels, plan)
        return Seconds(played - started, heard - played, _now(self._device) - heard)


def compare(ours: OurPath, theirs: StraightforwardPath, plan: MixtureBatchPlan) -> dict[str, float]:
    """Give both paths the same weights and a batch; how far they are apart, see `TOLERANCES`.

    Raises:
        SystemExit: They do not compute the same.
    """
    network, model = ours.objective.network, theirs.training.model
    model.load_state_dict(network.ast.state_dict())
    batch, clips = ours.renderer.mixtures(plan), theirs.data.clips(plan)
    mixtures = network.features(batch.mixtures)
    expected = theirs.data.log_mels(clips).to(mixtures.device)
    same = network.features(torch.from_numpy(np.stack(clips)).to(mixtures.device))
    whole, notes = expected[: len(mixtures)], expected[len(mixtures) :]
    apart: list[Tensor] = []
    heard: list[Tensor] = []
    for log_mels, reference in (
        (mixtures, whole),
        (network.features(batch.notes), notes[:, : network.config.note_frames]),
    ):
        apart.append((log_mels - reference).abs().flatten())
        heard.append(apart[-1][(reference > _AUDIBLE).flatten()])
    with torch.no_grad():
        embeddings = network.listen(whole).overall
        others = model(whole).pooler_output
    differences = {
        "one_waveform": (same - expected).abs().max(),
        "audible": torch.cat(heard).max(),
        "everywhere": torch.cat(apart).mean(),
        "embeddings": (embeddings - others).abs().max(),
    }
    for name, difference in differences.items():
        if not difference <= TOLERANCES[name]:
            raise SystemExit(
                f"The two paths do not compute the same ({name}): they are {difference:.2g} apart, "
                f"{TOLERANCES[name]} is allowed. Their speeds cannot be compared."
            )
    return {name: float(difference) for name, difference in differences.items()}


def _now(device: torch.device) -> float:
    """The time when the device has done all it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
