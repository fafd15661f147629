"""The bundled model's answers, as they were when it was bundled.

A change here means that decoding, resampling, features or network changed what every stored
database was made with. After a new model or another way to rank, and only then,
`python -m tests.test_golden` writes them anew.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.audio.io import load_audio
from cir.index.database import InstrumentDatabase
from cir.model.encoder import TimbreEncoder
from cir.retrieval.retriever import default_encoder, search

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "bundled.json"
MIX = ROOT / "cir" / "assets" / "examples" / "mix-1.flac"
NOTE = "factory-basses-attacky"
FAMILIES = ["percussion", "bass", "synth_lead"]


def describe() -> dict[str, Any]:
    encoder = default_encoder()
    mix, rate = load_audio(MIX)
    preview = InstrumentDatabase.open().preview_path(NOTE)
    assert preview is not None
    note, _ = load_audio(preview)
    return {
        "identity": encoder.identity,
        "note": encoder.embed([note], rate)[0].tolist(),
        "mix": encoder.embed_mixtures([mix], rate, FAMILIES)[0].tolist(),
        "matches": {
            result.family: [match.instrument.instrument_id for match in result.matches]
            for result in search(MIX, FAMILIES)
        },
    }


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return values


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return describe()


def test_the_model_is_the_one_that_was_bundled(golden: dict[str, Any], now: dict[str, Any]) -> None:
    assert TimbreEncoder.from_pretrained().identity == now["identity"] == golden["identity"]


@pytest.mark.parametrize("sound", ["note", "mix"])
def test_embeddings_are_what_they_were(
    golden: dict[str, Any], now: dict[str, Any], sound: str
) -> None:
    np.testing.assert_allclose(now[sound], golden[sound], atol=2e-4)


def test_matches_are_what_they_were(golden: dict[str, Any], now: dict[str, Any]) -> None:
    assert now["matches"] == golden["matches"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(describe()) + "\n", encoding="utf-8")
