"""Demucs as a separator: drums, bass, vocals and the rest.

Rouard, Massa and Defossez 2023, "Hybrid transformers for music source separation"; the package is
`demucs` on PyPI (MIT).
"""

import hashlib
import importlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from cir.audio.dsp import pad_or_trim, resample
from cir.errors import CheckpointError
from cir.instruments.families import check_families
from cir.types import FloatArray

MODEL = "htdemucs"

_SOURCE_OF_FAMILY = {
    "percussion": "drums",
    "bass": "bass",
    "voice": "vocals",
    "guitar": "guitar",  # these two only `htdemucs_6s` knows
    "piano": "piano",
}
_REST = "other"
_OVERLAP = 0.25


class DemucsSeparator:
    """A `Separator`: percussion is Demucs' drums, bass its bass, voice its vocals.

    All other families are its "other", so they share a stem. The network sees a few seconds at a
    time (7.8 for `htdemucs`, overlapping by a quarter), so that long mixtures fit; random shifts
    are off, so that the same sound always gives the same stems.

    Args:
        model: A name that Demucs knows: `htdemucs`, `htdemucs_ft`, `htdemucs_6s`, `hdemucs_mmi`...
        folder: Where the weights are; None lets Demucs fetch and keep them. Either the files of
            the model's repository on the Hugging Face Hub (`htdemucs.yaml`, `.safetensors`), or
            Demucs' older ones (`htdemucs.yaml`, `.th`). The latter are pickles, which can run any
            code: use only those of a trusted source.
        device: `cpu`, `cuda`, ...; None takes a GPU where there is one.

    Raises:
        CheckpointError: The package or the weights are missing, or cannot be read.
    """

    def __init__(
        self,
        model: str = MODEL,
        folder: str | Path | None = None,
        *,
        device: str | torch.device | None = None,
    ) -> None:
        self.name = model
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._apply = _import("demucs.apply").apply_model
        self.model = _load(model, None if folder is None else Path(folder))
        if _REST not in self.model.sources:
            raise CheckpointError(
                f"Demucs' {model} separates {', '.join(self.model.sources)}; take a model with a "
                f"stem {_REST!r}, such as {MODEL}."
            )

    @cached_property
    def identity(self) -> str:
        """Names the model and its weights."""
        digest = hashlib.sha256(repr(getattr(self.model, "weights", None)).encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            stored = value.detach().cpu().contiguous().reshape(-1)
            digest.update(stored.view(torch.uint8).numpy().tobytes())
        return f"demucs-{self.name}-{digest.hexdigest()[:12]}"

    def source_of(self, family: str) -> str:
        """Name the stem of this model that a family is heard in."""
        source = _SOURCE_OF_FAMILY.get(family, _REST)
        return source if source in self.model.sources else _REST

    def separate(self, sound: FloatArray, sample_rate: int, families: Sequence[str]) -> FloatArray:
        """See `Separator.separate`; resampled to Demucs' 44.1 kHz and back, both channels alike."""
        names = [self.source_of(family) for family in check_families(families)]
        stems = self._listen(resample(sound, sample_rate, self.model.samplerate))
        found = {
            name: pad_or_trim(resample(stems[name], self.model.samplerate, sample_rate), len(sound))
            for name in set(names)
        }
        return np.stack([found[name] for name in names])

    def _listen(self, wave: FloatArray) -> dict[str, FloatArray]:
        """Separate a mono sound at the model's sample rate, by source, (T,) each."""
        # As in demucs.api. The mean is not given back: it would be a hum of 0 Hz in every stem.
        mean, deviation = float(wave.mean()), float(wave.std()) + 1e-8
        mono = torch.from_numpy((wave - mean) / deviation)
        channels = mono.repeat(1, self.model.audio_channels, 1)  # (1, C, T)
        stems = self._apply(
            self.model, channels, shifts=0, split=True, overlap=_OVERLAP, device=self.device
        )  # (1, sources, C, T)
        sounds = stems[0].mean(1).cpu().numpy() * np.float32(deviation)
        return dict(zip(self.model.sources, sounds, strict=True))


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CheckpointError(
            f"Separation with Demucs needs its package ({error}): pip install 'demucs>=4.1'."
        ) from error


def _load(name: str, folder: Path | None) -> Any:
    """Load a model of Demucs, ready to separate."""
    hub, pretrained = _import("demucs.hf"), _import("demucs.pretrained")
    if folder is not None and not folder.is_dir():  # Demucs would end the process
        raise CheckpointError(
            f"There is no folder {folder}; give one with the weights of Demucs' {name}."
        )
    try:
        if folder is None:
            return pretrained.get_model(name)
        files = _safetensors(name, folder)
        if files is None:
            return pretrained.get_model(name, repo=folder)
        models = [hub.load_safetensors_model(file) for file in files]
        recipe = _read_recipe(name, folder)
        bag = _import("demucs.apply").BagOfModels
        return bag(models, recipe.get("weights"), recipe.get("segment")).eval()
    except (Exception, SystemExit) as error:
        repository = f"{hub.DEFAULT_NAMESPACE}/{hub.hf_repo_name(name)}"
        raise CheckpointError(
            f"The weights of Demucs' {name} cannot be "
            f"{'fetched' if folder is None else f'read from {folder}'} "
            f"({type(error).__name__}: {error}); go online, or give a folder with the files of "
            f"https://huggingface.co/{repository}."
        ) from error


def _safetensors(name: str, folder: Path) -> list[Path] | None:
    """Return the files of a model from the Hub; None if the folder has others."""
    if not (folder / f"{name}.yaml").is_file():
        return None
    files = [folder / f"{model}.safetensors" for model in _read_recipe(name, folder)["models"]]
    return files if all(file.is_file() for file in files) else None


def _read_recipe(name: str, folder: Path) -> Any:
    """Read which networks make a model, and their weights."""
    return yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
