"""How fast sounds are added to a database, and what the second run costs.

    python benchmarks/adding.py --notes $CIR_DATA/surge --sounds 5000

Cuts the notes of note banks into WAV files of 44.1 kHz, 24 to a folder, adds them, and compares
with the network alone on the same sounds, in the same run. Writes benchmarks/results/adding.json.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from cir.audio.io import load_audio, resample, save_wav
from cir.instruments.note_bank import NoteBank
from cir.library.sounds import AddReport, Limits, add_sounds
from cir.model.encoder import TimbreEncoder
from cir.types import SAMPLE_RATE, FloatArray

_FILE_RATE = 44_100
_PER_FOLDER = 24
_NETWORK_SOUNDS = 512


def notes_of(banks: list[Path]) -> Iterator[FloatArray]:
    """Yield the notes of all instruments of note banks."""
    for folder in banks:
        bank = NoteBank.open(folder)
        for row in bank.instruments:
            yield from bank.audio(row.instrument_id)


def write_sounds(banks: list[Path], count: int, folder: Path) -> list[Path]:
    """Write that many WAV files, each note again a little quieter once all are used."""
    paths: list[Path] = []
    while len(paths) < count:
        gain = 0.98 ** (len(paths) // 1000)
        for note in islice(notes_of(banks), count - len(paths)):
            path = folder / f"pack {len(paths) // _PER_FOLDER:04d}" / f"shot {len(paths):05d} x.wav"
            save_wav(path, resample(note * np.float32(gain), SAMPLE_RATE, _FILE_RATE), _FILE_RATE)
            paths.append(path)
    return paths


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def network_seconds(encoder: TimbreEncoder, paths: list[Path]) -> tuple[float, float]:
    """Return wall and processor seconds per sound of features and network alone."""
    sounds = [load_audio(path)[0] for path in paths[:_NETWORK_SOUNDS]]
    encoder.embed(sounds[:16], SAMPLE_RATE)
    started, used = time.perf_counter(), processor_seconds()
    encoder.embed(sounds, SAMPLE_RATE)
    seconds, busy = time.perf_counter() - started, processor_seconds() - used
    return seconds / len(sounds), busy / len(sounds)


def timed(
    folder: Path, encoder: TimbreEncoder, sounds: Path, *, remove_missing: bool = False
) -> tuple[AddReport, float]:
    """Add a folder and return the report and the seconds."""
    started = time.perf_counter()
    report = add_sounds(
        folder, encoder, [sounds], limits=Limits.none(), remove_missing=remove_missing
    )
    return report, time.perf_counter() - started


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=Path, nargs="+", required=True)
    parser.add_argument("--sounds", type=int, default=5_000)
    parser.add_argument("--folder", type=Path, help="Kept, so that sounds are written once.")
    arguments = parser.parse_args()
    root = arguments.folder or Path(tempfile.mkdtemp(prefix="cir-adding-"))
    sounds, database = root / "sounds", root / "db"
    paths = sorted(sounds.rglob("*.wav"))
    if len(paths) != arguments.sounds:
        shutil.rmtree(sounds, ignore_errors=True)
        paths = write_sounds(arguments.notes, arguments.sounds, sounds)
    shutil.rmtree(database, ignore_errors=True)
    encoder = TimbreEncoder.from_pretrained()
    before = network_seconds(encoder, paths)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = processor_seconds()
    first, first_seconds = timed(database, encoder, sounds)
    busy = (processor_seconds() - used) / len(paths)
    after = network_seconds(encoder, paths)
    again, again_seconds = timed(database, encoder, sounds)
    os.utime(paths[0])
    save_wav(paths[1], load_audio(paths[1])[0][::-1].copy(), SAMPLE_RATE)
    changed, changed_seconds = timed(database, encoder, sounds)
    network, network_busy = ((one + other) / 2 for one, other in zip(before, after, strict=True))
    per_sound = first_seconds / len(paths)
    disk = sum(path.stat().st_size for path in database.rglob("*") if path.is_file())
    results = {
        "sounds": len(paths),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "device": str(encoder.device),
        "added": len(first.added),
        "refused": len(first.refused),
        "seconds": first_seconds,
        "sounds_per_second": len(paths) / first_seconds,
        "network_ms_per_sound": 1000 * network,
        "all_ms_per_sound": 1000 * per_sound,
        "ratio_to_network": per_sound / network,
        "network_cpu_ms_per_sound": 1000 * network_busy,
        "all_cpu_ms_per_sound": 1000 * busy,
        "again_seconds": again_seconds,
        "again_unchanged": again.unchanged,
        "one_changed_seconds": changed_seconds,
        "one_changed": changed.replaced,
        "peak_memory_mb_before": memory / 1024,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_bytes_per_sound": disk / len(paths),
    }
    target = Path(__file__).parent / "results" / "adding.json"
    target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
