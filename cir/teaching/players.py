"""Audio players that are stored in the notebook."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from cir.audio.dsp import peak_normalise, resample
from cir.audio.io import check_audio, save_opus
from cir.errors import InputError
from cir.types import FloatArray

if TYPE_CHECKING:
    from IPython.display import HTML

_RATE = 24_000
_PEAK = 0.99
_MAX_SECONDS = 60.0
_ROW = "display:flex;flex-wrap:wrap;gap:12px 16px;margin:6px 0"
_BOX = "margin:0;width:min(205px,100%)"
_CAPTION = "font-size:13px;margin:0 0 4px;text-align:left"


def player(sound: FloatArray, sample_rate: int = 16_000, title: str = "") -> "HTML":
    """Show one player. The sound keeps its level unless it would clip.

    Args:
        sound: Mono in [-1, 1], (T,), at most a minute.
        sample_rate: In Hz.
        title: Text above the player, also for screen readers.

    Raises:
        InputError: The sound is invalid, empty, silent or too long, or IPython is not installed.
    """
    return players([(title, sound)], sample_rate)


def players(sounds: Sequence[tuple[str, FloatArray]], sample_rate: int = 16_000) -> "HTML":
    """Show players of (title, sound) in a row that wraps; see `player`."""
    try:
        from IPython.display import HTML
    except ImportError:
        raise InputError(
            "Players need the package ipython; run `pip install ipython`, or open the notebook "
            "in Jupyter."
        ) from None
    boxes = "".join(_box(title, sound, sample_rate) for title, sound in sounds)
    return HTML(f'<div style="{_ROW}">{boxes}</div>')


def _box(title: str, sound: FloatArray, sample_rate: int) -> str:
    words = html.escape(title, quote=True)
    uri = _to_uri(check_audio(sound, sample_rate, max_seconds=_MAX_SECONDS), sample_rate)
    return (
        f'<figure style="{_BOX}"><figcaption style="{_CAPTION}">{words}</figcaption>'
        f'<audio controls preload="metadata" style="width:100%" aria-label="{words or "Sound"}" '
        f'src="{uri}"></audio></figure>'
    )


def _to_uri(sound: FloatArray, sample_rate: int) -> str:
    """Encode a sound as Ogg Opus of some 30 kbit/s: 4 KB a second."""
    audio = resample(sound, sample_rate, _RATE)
    if float(np.abs(audio).max()) > _PEAK:
        audio = peak_normalise(audio, _PEAK)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sound.opus"
        save_opus(path, audio, _RATE)
        encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:audio/ogg;base64,{encoded}"
