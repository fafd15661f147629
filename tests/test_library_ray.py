"""Adding with two workers of Ray, against one process."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.index.database import InstrumentDatabase
from cir.library.ray_workers import RayWorkers
from cir.library.sounds import add_sounds
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder, tone

ray = pytest.importorskip("ray", reason="needs ray")
pytest.importorskip("ray.data", reason="needs ray[data]")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[None]:
    """Two workers on this machine, or the cluster that RAY_ADDRESS names."""
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
    else:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class Dying(SpectrumEncoder):
    """Ends its process, once, in the middle of the work."""

    def __init__(self, flag: Path) -> None:
        super().__init__()
        self._flag = flag
        self._n_calls = 0

    def embed(self, sounds: Sequence[FloatArray], sample_rate: int, **_: object) -> FloatArray:
        self._n_calls += 1
        if self._n_calls > 3 and not self._flag.exists():
            self._flag.touch()
            os._exit(1)
        return super().embed(sounds, sample_rate)


@pytest.mark.usefixtures("cluster")
def test_the_rows_are_those_of_one_process_though_a_worker_dies(tmp_path: Path) -> None:
    for number in range(40):
        save_wav(tmp_path / "kit" / f"s{number} x.wav", tone(100.0 + 9 * number, 0.1), 16_000)
    (tmp_path / "kit" / "broken.wav").write_bytes(b"RIFF")
    one = add_sounds(tmp_path / "one", SpectrumEncoder(), [tmp_path / "kit"])
    encoder = Dying(tmp_path / "died")
    many = add_sounds(
        tmp_path / "many", encoder, [tmp_path / "kit"], workers=RayWorkers(encoder, "local")
    )
    assert (tmp_path / "died").exists()
    assert (many.added, many.refused) == (one.added, one.refused)
    expected, found = (InstrumentDatabase.open(tmp_path / name) for name in ("one", "many"))
    assert found.instruments() == expected.instruments()
    np.testing.assert_array_equal(found.embeddings()[1], expected.embeddings()[1])
