"""Measure simultaneous searches of many clients of `python app.py`.

    python benchmarks/parallel_clients.py [--clients 20] [--rounds 3] [--output FILE.json]

Each client is a thread with its own connection; in each round all send a mix at the same time and
wait for five matches of three families.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app_memory import ask, running_app, wait_until_served
from gradio_client import Client
from timing import example_mixes, print_report

PATIENCE_SECONDS = 120.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    mixes = example_mixes()
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as (process, address):
        wait_until_served(address, process, time.perf_counter())
        first = connect(address)
        ask(first, mixes[0])  # waits until the model is loaded and the index is built
        clients = [first, *(connect(address) for _ in range(1, arguments.clients))]
        alone = [seconds_of(clients[0], mix) for mix in mixes[:5]]
        rounds = [ask_together(clients, mixes) for _ in range(arguments.rounds)]
    seconds = [one for answers in rounds for one in answers if one is not None]
    failures = sum(one is None for answers in rounds for one in answers)
    figures = {
        "clients": arguments.clients,
        "rounds": arguments.rounds,
        "failures": failures,
        "median_seconds": statistics.median(seconds),
        "worst_seconds": max(seconds),
        "alone_seconds": statistics.median(alone),
    }
    print_report(
        f"{arguments.clients} clients search at once, {arguments.rounds} times",
        [(name.replace("_", " "), f"{value:.2f}") for name, value in figures.items()],
        figures,
    )
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def connect(address: str) -> Client:
    """Connect a client with a long timeout, since it shares the cores with the app."""
    return Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE_SECONDS})


def ask_together(clients: Sequence[Client], mixes: Sequence[Path]) -> list[float | None]:
    """Return the seconds of each client's search; None if it failed."""
    together = threading.Barrier(len(clients))

    def one(number: int) -> float | None:
        together.wait()
        try:
            return seconds_of(clients[number], mixes[number % len(mixes)])
        except (Exception, SystemExit) as error:  # whatever a visitor may meet is a failure
            print(f"client {number}: {type(error).__name__}: {error}")
            return None

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(one, range(len(clients))))


def seconds_of(client: Client, mix: Path) -> float:
    """Return the seconds of a search with its upload."""
    started = time.perf_counter()
    ask(client, mix)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
