"""Measure the indexes of large databases: build, disk, opening, searches under filters, recall.

python benchmarks/index_scale.py --rows 100000 [--kinds exact faiss chroma server] [--queries 100]

Rows are the embeddings of the bundled database, and copies of them with noise of norm 0.3. Queries
under a family filter are what the model answers about parts of the example mixes; others are copies
with other noise. Times are those of all threads of the process, and of the server's, in CPU
milliseconds, so other work on the machine hardly changes them; `wall_ms` is by the clock. Recall is
that of the exact search. What was measured before stays in the file of results.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import cir
from cir.audio.io import load_audio
from cir.index.chroma_index import ChromaIndex
from cir.index.columns import ANY, Wanted
from cir.index.database import InstrumentDatabase
from cir.index.exact_index import ExactIndex
from cir.index.faiss_index import FaissIndex
from cir.index.vectors import VectorIndex, Vectors
from cir.model.loading import load_encoder
from cir.types import SAMPLE_RATE, FloatArray, Instrument

RESULTS = Path(__file__).parent / "results" / "index_scale.json"
KINDS = ("exact", "faiss", "quantised", "chroma", "server")
NOISE = 0.3
BANKS = 200
FAMILY = "synth_lead"
FOUND = 50
TOP = 5
EXAMPLES = Path(cir.__file__).parent / "assets" / "examples"
SECONDS = 5.0
STEP_SECONDS = 0.5


def make_rows(count: int, folder: Path) -> tuple[list[Instrument], FloatArray]:
    """Return rows whose embeddings are mapped from a file, grouped by family."""
    bundled = InstrumentDatabase.open()
    known, (_, embeddings) = list(bundled.instruments()), bundled.embeddings()
    order = sorted(np.arange(count) % len(known), key=lambda row: known[row].family or "")
    path = folder / "embeddings.f32"
    mapped = np.memmap(path, np.float32, "w+", shape=(count, embeddings.shape[1]))
    generator = np.random.default_rng(0)
    for start in range(0, count, 50_000):
        source = embeddings[order[start : start + 50_000]]
        mapped[start : start + len(source)] = with_noise(source, generator)
    mapped.flush()
    rows = []
    for number, row in enumerate(order):
        made = object.__new__(Instrument)  # the texts are clean already
        own = {"instrument_id": f"r-{number:09d}", "bank": f"Bank {number % BANKS}"}
        made.__dict__.update(known[row].__dict__, **own)
        rows.append(made)
    return rows, np.memmap(path, np.float32, "r", shape=mapped.shape)


def with_noise(embeddings: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Return embeddings with noise, of unit norm."""
    noise = generator.standard_normal(embeddings.shape, np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    moved = embeddings + noise
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


class Clock:
    """CPU time of this process and of a server, and time by the clock (Linux)."""

    def __init__(self, server: int | None = None) -> None:
        self._server = server
        self._start = self._now()

    def _now(self) -> tuple[float, float]:
        spent = time.process_time()
        if self._server is not None:
            tasks = Path(f"/proc/{self._server}/task").glob("*/schedstat")
            spent += sum(int(one.read_text().split()[0]) for one in tasks) / 1e9
        return spent, time.perf_counter()

    def stop(self) -> tuple[float, float]:
        """Return CPU seconds and seconds since the start."""
        cpu, wall = self._now()
        return cpu - self._start[0], wall - self._start[1]


@contextmanager
def chroma_server(folder: Path) -> Iterator[tuple[Any, int]]:
    """Give a client of a server of its own."""
    import chromadb

    port = 8123
    command = [Path(sys.executable).with_name("chroma"), "run", "--path", folder]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                client = chromadb.HttpClient("127.0.0.1", port)
                break
            except ValueError:
                time.sleep(0.1)
        yield client, process.pid
    finally:
        process.kill()
        process.wait()


@cache
def answers(count: int) -> FloatArray:
    """Return what the model answers for the family about parts of mixes, (count, D)."""
    length, step = round(SECONDS * SAMPLE_RATE), round(STEP_SECONDS * SAMPLE_RATE)
    parts: list[FloatArray] = []
    for path in sorted(EXAMPLES.glob("*.flac")):
        mix, _ = load_audio(path)
        parts += [mix[at : at + length] for at in range(0, len(mix) - length + 1, step)]
    drawn = np.random.default_rng(2).permutation(len(parts))[:count]
    chosen = [parts[number] for number in drawn]
    return load_encoder().embed_mixtures(chosen, SAMPLE_RATE, [FAMILY])[:, 0]


def searches(count: int) -> dict[str, tuple[FloatArray, str | None, Wanted]]:
    """Return by filter: the queries, the family and the filters."""
    embeddings = InstrumentDatabase.open().embeddings()[1]
    generator = np.random.default_rng(1)
    notes = with_noise(embeddings[generator.integers(len(embeddings), size=count)], generator)
    return {
        "none": (notes, None, ANY),
        "family": (answers(count), FAMILY, ANY),
        "bank": (notes, None, Wanted(bank="Bank 7")),
    }


def best(found: Vectors, query: FloatArray) -> set[str]:
    """Return the ids of the first five, compared in double precision."""
    scores = found.embeddings.astype(np.float64) @ query
    return {found.instruments[row].instrument_id for row in np.argsort(-scores)[:TOP]}


def measure_searches(
    index: VectorIndex, exact: ExactIndex, count: int, server: int | None = None
) -> dict[str, Any]:
    """Measure searches under each filter."""
    measured: dict[str, Any] = {}
    for name, (queries, family, filters) in searches(count).items():
        spent: list[tuple[float, float]] = []
        right = 0
        index.search(queries[0], FOUND, family, filters)
        for query in queries:
            clock = Clock(server)
            found = index.search(query, FOUND, family, filters)
            spent.append(clock.stop())
            oracle = exact.search(query, FOUND, family, filters)
            right += len(best(found, query) & best(oracle, query))
        cpu, wall = 1000 * np.array(spent).T
        measured[name] = {
            "share": round(exact.count(family, filters) / exact.count(), 4),
            "p50_ms": round(float(np.percentile(cpu, 50)), 2),
            "p95_ms": round(float(np.percentile(cpu, 95)), 2),
            "wall_p50_ms": round(float(np.percentile(wall, 50)), 2),
            "recall_at_5": round(right / (TOP * len(queries)), 4),
        }
        print(name, measured[name], flush=True)
    return measured


def measure(
    kind: str, rows: list[Instrument], embeddings: FloatArray, count: int
) -> dict[str, Any]:
    """Build, open and search one kind of index."""
    exact = ExactIndex(rows, embeddings)
    size = embeddings.nbytes
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / kind

        def result(
            build: Clock, disk: int, opened: Callable[[], VectorIndex], server: int | None = None
        ) -> dict[str, Any]:
            built = build.stop()
            clock = Clock(server)
            index = opened()
            index.search(embeddings[0], FOUND, FAMILY)
            opening = clock.stop()
            return {
                "build_s": round(built[0], 1),
                "build_wall_s": round(built[1], 1),
                "disk_mb": round(disk / 1e6),
                "open_ms": round(1000 * opening[0]),
                "filters": measure_searches(index, exact, count, server),
            }

        clock = Clock()
        if kind == "exact":
            return result(clock, size, lambda: ExactIndex(rows, embeddings))
        if kind == "faiss":
            folder.mkdir()
            FaissIndex.build(ExactIndex(rows, embeddings), print_progress).write(folder)
            disk = size + used(folder)
            return result(clock, disk, lambda: FaissIndex.read(folder, exact))
        import chromadb

        if kind == "chroma":
            client: Any = chromadb.PersistentClient(str(folder))
            ChromaIndex(client).upsert(rows, embeddings, print_progress)
            client.close()
            return result(
                clock,
                used(folder),
                lambda: ChromaIndex(chromadb.PersistentClient(str(folder))),
            )
        with chroma_server(folder) as (client, server):
            clock = Clock(server)
            index = ChromaIndex(client, "scale.")
            index.upsert(rows, embeddings, print_progress)
            return result(clock, used(folder), lambda: index, server)


def measure_quantised(
    embeddings: FloatArray, rows: list[Instrument], count: int
) -> dict[str, dict[str, float]]:
    """Compare what a vector can be stored in, by real mixtures against all rows of one family."""
    import faiss

    own = np.array([row for row, one in enumerate(rows) if one.family == FAMILY])
    stored, queries = np.ascontiguousarray(embeddings[own]), answers(count)
    exact = np.argsort(-(queries @ stored.T), axis=1)[:, :TOP]
    measured: dict[str, dict[str, float]] = {}
    for name in ("Flat", "SQ8", "PQ48", "PQ24"):
        index = faiss.index_factory(stored.shape[1], name, faiss.METRIC_INNER_PRODUCT)
        index.train(stored)
        index.add(stored)
        for candidates in (25, 250):
            _, found = index.search(queries, candidates)
            right = [len(set(one) & set(other)) for one, other in zip(exact, found, strict=True)]
            measured[f"{name}, {candidates} compared again"] = {
                "bytes": float(index.sa_code_size()),
                "recall_at_5": round(float(np.mean(right)) / TOP, 4),
            }
        print(name, measured, flush=True)
    return measured


def used(folder: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def print_progress(fraction: float, words: str) -> None:
    """Print a line per call."""
    print(f"{words}: {100 * fraction:.0f} %", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cir-index-scale-"))
    try:
        rows, embeddings = make_rows(arguments.rows, folder)
        for kind in arguments.kinds:
            print(f"{arguments.rows} rows, {kind}", flush=True)
            if kind == "quantised":
                measured: Any = measure_quantised(embeddings, rows, arguments.queries)
            else:
                measured = measure(kind, rows, embeddings, arguments.queries)
            old = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
            sizes = old.get("rows", {})
            sizes.setdefault(str(arguments.rows), {})[kind] = measured
            told = {"machine": platform.machine(), "rows": sizes}
            arguments.output.write_text(json.dumps(told, indent=2) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
