import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cir.audio.io import save_opus
from cir.audio.ogg import read_layout
from cir.audio.opus import RATES, encode_opus
from cir.types import FloatArray


def tone(n_samples: int, sample_rate: int) -> FloatArray:
    time = np.arange(n_samples) / sample_rate
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * time), np.float32)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("frame_ms", [20, 60])
def test_as_many_samples_are_decoded_as_were_encoded(sample_rate: int, frame_ms: int) -> None:
    for n_samples in (1, 37, 961, sample_rate // 50, 3 * sample_rate, 3 * sample_rate + 1):
        sound = tone(n_samples, sample_rate)
        data = encode_opus(sound, sample_rate, 24_000, frame_ms=frame_ms)
        decoded, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        assert (rate, decoded.size) == (sample_rate, n_samples)
        if n_samples > sample_rate:
            assert np.corrcoef(sound, decoded)[0, 1] > 0.99


def test_equal_sounds_give_equal_files_that_end_with_their_last_page(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_opus(tmp_path / f"{name}.opus", tone(40_000, 16_000), 16_000)
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()
    layout = read_layout(tmp_path / "a.opus")
    assert layout.is_whole and len(layout.links) == 1


def test_more_compression_takes_less_room(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    sizes = []
    for compression in (0.5, 0.9, 0.97):
        save_opus(tmp_path / "a.opus", noise, 48_000, compression=compression)
        sizes.append((tmp_path / "a.opus").stat().st_size)
    assert sizes[0] > 3 * sizes[1] > 3 * sizes[2]
