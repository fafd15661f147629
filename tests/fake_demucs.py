"""A double of demucs 4.1 with the shape of its API and its traps, for machines without weights.

Its "network" is a split of the spectrum: bass below 300 Hz, vocals up to 1 kHz, drums above 3 kHz.
It is loud only where its input was normalised, random where shifts are on, and refuses more sound
at once than its segment. Loading from what is no folder ends the process.
"""

import inspect
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

SOURCES = ["drums", "bass", "other", "vocals"]
CUTS_HZ = {"bass": (0, 300), "vocals": (300, 1000), "other": (1000, 3000), "drums": (3000, 1e9)}
DEFAULT_NAMESPACE = "adefossez"

loaded: list[tuple[str, Path | None]] = []
shifts_seen: list[int] = []


class FakeHTDemucs(nn.Module):
    def __init__(self, sources: list[str], segment: float = 2.0) -> None:
        super().__init__()
        self.sources, self.segment = sources, segment
        self.samplerate, self.audio_channels = 44_100, 2
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, mix: Tensor) -> Tensor:
        length = mix.shape[-1]
        assert length <= self.segment * self.samplerate, "more than a segment at once"
        hertz = torch.fft.rfftfreq(length, 1 / self.samplerate)
        cuts = [CUTS_HZ.get(source, (0.0, 0.0)) for source in self.sources]
        masks = torch.stack([(hertz >= low) & (hertz < high) for low, high in cuts])
        spectrum = torch.fft.rfft(mix)[:, None] * masks[:, None]
        stems: Tensor = torch.fft.irfft(spectrum, n=length)
        return self.gain * stems


class BagOfModels(nn.Module):
    def __init__(
        self,
        models: list[FakeHTDemucs],
        weights: list[list[float]] | None = None,
        segment: float | None = None,
    ) -> None:
        super().__init__()
        for name in ("sources", "samplerate", "audio_channels"):
            setattr(self, name, getattr(models[0], name))
        self.models = nn.ModuleList(models)
        self.weights = weights or [[1.0] * len(models[0].sources) for _ in models]

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError("Call `apply_model` on this.")


def apply_model(
    model: Any,
    mix: Tensor,
    shifts: int = 1,
    split: bool = True,
    overlap: float = 0.25,
    transition_power: float = 1.0,
    progress: bool = False,
    device: torch.device | str | None = None,
    num_workers: int = 0,
    segment: float | None = None,
    pool: object = None,
    lock: object = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
    callback_arg: dict[str, Any] | None = None,
) -> Tensor:
    shifts_seen.append(shifts)
    assert split and mix.dtype == torch.float32 and mix.shape[:2] == (1, model.audio_channels)
    network: Any = model.models[0] if isinstance(model, BagOfModels) else model
    assert not network.training
    length = round((network.segment if segment is None else segment) * network.samplerate)
    with torch.no_grad():
        out = torch.cat([network(piece) for piece in torch.split(mix, length, -1)], -1)
    noise = random.random() if shifts else 0.0
    return out + 0.01 * noise


def get_model(name: str, repo: Path | None = None) -> Any:
    loaded.append((name, repo))
    if repo is None:
        if name != "htdemucs":
            raise OSError("Name or service not known")
        return BagOfModels([FakeHTDemucs(SOURCES)]).eval()
    if not repo.is_dir():
        sys.exit(1)
    if not any(repo.glob("*.th")):
        raise RuntimeError(f"{name} is neither a single pre-trained model or a bag of models.")
    return FakeHTDemucs(SOURCES).eval()


def load_safetensors_model(path: str | Path) -> FakeHTDemucs:
    return FakeHTDemucs(Path(path).read_text().split())


def hf_repo_name(name: str) -> str:
    return {"htdemucs": "HTDemucs"}.get(name, f"Demucs-{name}")


MODULES = {
    "demucs.apply": ("BagOfModels", "apply_model"),
    "demucs.pretrained": ("get_model",),
    "demucs.hf": ("load_safetensors_model", "hf_repo_name", "DEFAULT_NAMESPACE"),
}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the double in the place of the package."""
    loaded.clear()
    shifts_seen.clear()
    monkeypatch.setitem(sys.modules, "demucs", ModuleType("demucs"))
    for module, names in MODULES.items():
        double = ModuleType(module)
        for name in names:
            setattr(double, name, globals()[name])
        monkeypatch.setitem(sys.modules, module, double)


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """Names and defaults of a function's parameters."""
    return {name: one.default for name, one in inspect.signature(function).parameters.items()}
