"""Measure cold start and memory of the app: `python app.py`, then two searches by its API.

    python benchmarks/app_memory.py [--mix FILE] [--starts 2] [--searches 200] [--output FILE.json]

The first start builds the search index in an empty CIR_HOME, the others find it there. With
--searches the last start goes on searching and reports its memory after each tenth of them.
Linux only: VmHWM (the peak) and VmRSS (now) of /proc, summed over the process and its children.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio_client import Client, handle_file
from timing import example_mixes, print_report

ROOT = Path(__file__).parent.parent
FAMILIES = ["percussion", "bass", "synth_lead"]
START_LIMIT_SECONDS = 300.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mix", type=Path, help="any sound file; default: the first example")
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--searches", type=int, default=0, help="go on with so many")
    parser.add_argument("--output", type=Path, help="a JSON file to write")
    arguments = parser.parse_args()
    mix = arguments.mix or example_mixes()[0]
    rows: list[tuple[str, str]] = []
    figures = []
    with tempfile.TemporaryDirectory() as home:
        for number in range(arguments.starts):
            is_last = number == arguments.starts - 1
            measured, held = measure_start(mix, Path(home), arguments.searches if is_last else 0)
            figures.append(measured)
            rows.append(("first start" if number == 0 else "later start", ""))
            rows += [(f"  {name}", f"{value:.2f}") for name, value in measured.items()]
    rows += [(f"  held after {count} searches, MiB", f"{mib:.1f}") for count, mib in held.items()]
    result = {"starts": figures, "held_mib_after_searches": held}
    print_report(f"python app.py, searching {mix.name}", rows, result)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure_start(
    mix: Path, home: Path, searches: int
) -> tuple[dict[str, float], dict[int, float]]:
    """Start the app and search.

    Returns:
        Seconds and MiB of the start, and the memory in MiB by number of searches.
    """
    started = time.perf_counter()
    with running_app(home) as (process, address):
        wait_until_served(address, process, started)
        page_seconds = time.perf_counter() - started
        idle_mib = memory_mib(process.pid, "VmHWM")
        client = Client(address, verbose=False)
        asked = time.perf_counter()
        ask(client, mix)
        first_seconds = time.perf_counter() - started
        first_answer = time.perf_counter() - asked
        asked = time.perf_counter()
        ask(client, mix)
        figures = {
            "page_seconds": page_seconds,
            "first_answer_seconds_after_start": first_seconds,
            "first_search_seconds": first_answer,
            "second_search_seconds": time.perf_counter() - asked,
            "peak_when_served_mib": idle_mib,
            "peak_after_searches_mib": memory_mib(process.pid, "VmHWM"),
        }
        return figures, held_after_searches(client, process.pid, searches)


def held_after_searches(client: Client, pid: int, searches: int) -> dict[int, float]:
    """Search the example mixes in turn; return the memory in MiB at each tenth."""
    mixes = example_mixes()
    held = {}
    for number in range(1, searches + 1):
        ask(client, mixes[number % len(mixes)])
        if number * 10 % searches < 10:
            held[number] = memory_mib(pid, "VmRSS")
    return held


@contextmanager
def running_app(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the app on a free port with its own CIR_HOME, and stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"PORT": str(port), "CIR_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield process, f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_served(address: str, process: subprocess.Popen[bytes], started: float) -> None:
    """Return once the page answers."""
    while time.perf_counter() - started < START_LIMIT_SECONDS:
        if process.poll() is not None:
            raise SystemExit(f"app.py ended with code {process.returncode}; see above.")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"No page at {address} after {START_LIMIT_SECONDS:.0f} s.")


def ask(client: Client, mix: Path) -> None:
    """Search once, and check that every family has matches."""
    answer = client.predict(handle_file(str(mix)), FAMILIES, 5, api_name="/search")
    counts = {one["family"]: len(one["matches"]) for one in answer["families"]}
    if counts != dict.fromkeys(FAMILIES, 5):
        raise SystemExit(f"Expected five matches for each of {FAMILIES}, got {counts}.")


def memory_mib(pid: int, field: str) -> float:
    """Sum a size of /proc/PID/status over a process and its descendants."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(int(fields["PPid"]), []).append(int(fields["Pid"]))
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += children.get(one, [])
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                total += int(line.split()[1]) / 1024
    return total


if __name__ == "__main__":
    main()
