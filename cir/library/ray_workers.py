"""Tasks done on the machines of a Ray cluster, which embed their sounds too.

Ray Data moves the tasks to actors, each with an encoder and processes of its own, and brings back
vectors in the order of the tasks; what a lost machine had is done again on another. The database is
written by the process that asked, so that every sound is written once, and the rows are those that
one process makes. The machines must see the files under the same paths.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from cir.errors import CirError, InputError
from cir.index.references import average_notes
from cir.library.sandboxed_engines import Crashed
from cir.library.sound_tasks import Sounds, SoundTask
from cir.library.workers import HasTask, LocalWorkers, Outcome
from cir.types import SAMPLE_RATE, Encoder

_AT_ONCE = 8_192
"""Tasks of one job of Ray Data."""
_BATCH = 64

_Item = TypeVar("_Item", bound=HasTask)


class RayWorkers:
    """Machines of a Ray cluster; `Workers`.

    Args:
        encoder: Embeds the sounds; each actor gets a copy.
        address: Of the cluster, see `ray.init`; `local` starts one on this machine.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, encoder: Encoder, address: str) -> None:
        try:
            import ray
            import ray.data
        except ImportError:
            raise InputError(
                "Adding with a cluster needs Ray; install it with "
                "`pip install cir-instruments[ray]`."
            ) from None
        try:
            if not ray.is_initialized():
                ray.init(address=address, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"There is no Ray cluster at {address} ({error}); start one with "
                "`ray start --head` and name its address, or `local`."
            ) from None
        self._encoder = ray.put(encoder)
        self._has_gpu = str(getattr(encoder, "device", "cpu")).startswith("cuda")

    def run(self, items: Iterable[_Item]) -> Iterator[tuple[_Item, Outcome]]:
        """Yield each item with the outcome of its task, in order."""
        waiting = iter(items)
        while chunk := list(islice(waiting, _AT_ONCE)):
            answers = self._answers([item.task for item in chunk if item.task is not None])
            for item in chunk:
                yield item, (_nothing if item.task is None else outcome_of(next(answers)))

    def __enter__(self) -> "RayWorkers":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster as it is: others may use it."""

    def _answers(self, tasks: list[SoundTask]) -> Iterator[dict[str, Any]]:
        if not tasks:
            return
        import ray

        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        n_actors = max(1, int(ray.cluster_resources().get("GPU" if self._has_gpu else "CPU", 1)))
        rows = [{"task": json.dumps(asdict(task))} for task in tasks]
        n_blocks = max(1, min(len(rows), max(2 * n_actors, len(rows) // _BATCH)))
        data = ray.data.from_items(rows, override_num_blocks=n_blocks).map_batches(
            Listener,
            fn_constructor_kwargs={"encoder": self._encoder},
            batch_size=_BATCH,
            batch_format="numpy",
            num_cpus=1,
            num_gpus=1 if self._has_gpu else None,
            concurrency=(1, n_actors),
        )
        yield from data.iter_rows()


class Listener:
    """An actor of Ray Data: an encoder, and a process that decodes and plays.

    Args:
        encoder: Reference to the encoder in Ray's store, or the encoder.
    """

    def __init__(self, encoder: Any) -> None:
        import ray

        self._encoder: Encoder = ray.get(encoder) if isinstance(encoder, ray.ObjectRef) else encoder
        self._workers = LocalWorkers(1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Do a batch of tasks; answers are in its order."""
        tasks = [_Asked(_parse(text)) for text in batch["task"]]
        answers = [self._answer(outcome) for _, outcome in self._workers.run(tasks)]
        return {
            "answer": np.array([json.dumps(said) for said, *_ in answers], dtype=object),
            "vector": np.stack([vector for _, vector, _, _ in answers]),
            "preview": np.array([preview for _, _, preview, _ in answers], dtype=object),
            "phrase": np.array([phrase for _, _, _, phrase in answers], dtype=object),
        }

    def _answer(self, outcome: Outcome) -> tuple[dict[str, Any], Any, bytes, bytes]:
        nothing = np.zeros(self._encoder.embedding_size, np.float32)
        try:
            sounds = outcome()
            assert sounds is not None  # noqa: S101 - each of these has a task
            notes = self._encoder.embed(sounds.notes, SAMPLE_RATE)
        except CirError as error:
            said = {"error": str(error), "has_crashed": isinstance(error, Crashed)}
            return said, nothing, b"", b""
        vector = average_notes(notes, [len(sounds.notes)])[0]
        return {"notice": sounds.notice}, vector, sounds.preview, sounds.phrase


class _Asked:
    """A task on its way through `LocalWorkers`."""

    def __init__(self, task: SoundTask) -> None:
        self.task: SoundTask | None = task


def _parse(text: str) -> SoundTask:
    values = json.loads(text)
    return SoundTask(**{**values, "paths": tuple(values["paths"])})


def _nothing() -> Sounds | None:
    return None


def outcome_of(row: dict[str, Any]) -> Outcome:
    """Return the outcome that an answer of an actor tells."""
    said = json.loads(row["answer"])

    def give() -> Sounds | None:
        if "error" in said:
            raise (Crashed if said["has_crashed"] else InputError)(said["error"])
        vector = np.array(row["vector"], np.float32)
        return Sounds((), said["notice"], row["preview"], row["phrase"], vector)

    return give
