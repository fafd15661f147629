"""Adding with two workers of Ray, against one process."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.library.ray_workers import Listener, RayWorkers, outcome_of
from cir.library.sound_tasks import SoundTask
from cir.library.sounds import add_sounds
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder, tone

ray = pytest.importorskip("ray", reason="needs ray")
pytest.importorskip("ray.data", reason="needs ray[data]")


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


def test_an_actor_answers_in_the_order_of_its_tasks(tmp_path: Path) -> None:
    for name, pitch in (("a", 100.0), ("b", 300.0)):
        save_wav(tmp_path / f"{name}.wav", tone(pitch, 0.1), 16_000)
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    tasks = [SoundTask(name, (str(tmp_path / f"{name}.wav"),)) for name in "acb"]
    batch = {"task": np.array([json.dumps(asdict(task)) for task in tasks], dtype=object)}
    answers = Listener(SpectrumEncoder())(batch)
    rows = [
        dict(zip(answers, values, strict=True)) for values in zip(*answers.values(), strict=True)
    ]
    first, second, third = map(outcome_of, rows)
    for outcome, pitch in ((first, 100.0), (third, 300.0)):
        sounds = outcome()
        assert sounds is not None and sounds.vector is not None
        expected = SpectrumEncoder().embed([tone(pitch, 0.1)], 16_000)[0]
        np.testing.assert_allclose(sounds.vector, expected, atol=1e-2)  # 16 bits
        assert sounds.preview.startswith(b"OggS")
    with pytest.raises(InputError, match="cannot be read as sound"):
        second()


@pytest.mark.slow
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
