"""The same sound is the same to the model, however it came."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import load_audio
from cir.index.database import InstrumentDatabase
from cir.retrieval.retriever import default_encoder
from cir.types import FloatArray
from tests.sound_files import ENCODINGS, Write, with_ffmpeg

ASSETS = Path(__file__).parent.parent / "cir" / "assets"
MIX = ASSETS / "examples" / "mix-1.flac"
NOTE = InstrumentDatabase.open().preview_path("factory-basses-attacky")
FAMILIES = ["percussion", "bass", "synth_lead"]

LOW_RATES: Mapping[str, Write] = {
    "wav, 8 kHz": with_ffmpeg(8_000, "pcm_s16le", "wav"),
    "wav, 11.025 kHz": with_ffmpeg(11_025, "pcm_s16le", "wav"),
}
"""Too low for what the model hears up to 7 kHz: an answer, but another one."""


def embed(path: Path) -> FloatArray:
    """Return one row for each family that plays in the mix, and one of the note."""
    sound, rate = load_audio(path)
    encoder = default_encoder()
    return np.concatenate(
        [encoder.embed_mixtures([sound], rate, FAMILIES)[0], encoder.embed([sound], rate)]
    )


@pytest.fixture(scope="module", params=[MIX, NOTE], ids=["mix", "note"])
def original(request: pytest.FixtureRequest) -> tuple[Path, FloatArray]:
    return request.param, embed(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", [*ENCODINGS, *LOW_RATES])
def test_every_encoding_sounds_the_same_to_the_model(
    tmp_path: Path, original: tuple[Path, FloatArray], encoding: str
) -> None:
    source, expected = original
    write = {**ENCODINGS, **LOW_RATES}[encoding]
    write(tmp_path / "sound", *load_audio(source, sample_rate=None))
    cosines = (embed(tmp_path / "sound") * expected).sum(axis=1)
    assert np.isfinite(cosines).all()
    # Vorbis changes the lead of the mix most: 0.963 with the bundled model, whose embeddings are
    # whitened, so that cosines of different sounds are lower.
    least = 0.96 if "vorbis" in encoding else 0.98
    assert encoding in LOW_RATES or cosines.min() >= least, cosines
