"""Add real packages of presets to a database, mix three of its own, and search for them.

python benchmarks/own_presets.py [--presets 24] [--mixes 5] [-o benchmarks/results/own_presets.json]

A cartridge of the DX7 ($CIR_DATA/dx7), a bank of amsynth, banks of ZynAddSubFX (both from Debian's
packages), .fxp presets with and without the plug-in that plays them, and SFZ instruments.
A mix has three instruments of different families, each with a phrase of its own engine. A hit is an
instrument that is among the first five of its family.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from cir.audio.io import save_wav
from cir.engines.amsynth import AmsynthEngine, list_amsynth_bank
from cir.engines.dx7 import PACKED_BYTES
from cir.engines.registry import open_engine
from cir.errors import CirError
from cir.files import expand_data_folder, replacing
from cir.index.database import InstrumentDatabase
from cir.index.phrases import PHRASE_RATE, play_phrase
from cir.instruments.note_bank import NoteBank
from cir.library.sounds import add_sounds
from cir.model.encoder import TimbreEncoder
from cir.retrieval.retriever import search
from cir.types import SAMPLE_RATE, FloatArray, Instrument

AMSYNTH = Path("/usr/share/amsynth/banks/PatriksBank01.bank")
AMSYNTH_PLUGIN = Path("/usr/lib/vst/amsynth_vst.so")
ZYN = Path("/usr/share/zynaddsubfx/banks")
TOP = 5


def main() -> None:
    """Measure every engine, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presets", type=int, default=24, help="of each engine")
    parser.add_argument("--mixes", type=int, default=5, help="of each engine")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    encoder = TimbreEncoder.from_pretrained()
    results: dict[str, dict[str, object]] = {}
    for name, write in PACKAGES.items():
        with tempfile.TemporaryDirectory() as work:
            began = time.perf_counter()
            try:
                source = write(Path(work), arguments.presets)
                add_sounds(Path(work) / "database", encoder, [source])
            except CirError as error:
                results[name] = {"refused": str(error).replace(work, "FOLDER")}
            else:
                seconds = time.perf_counter() - began
                with InstrumentDatabase.open(Path(work) / "database") as database:
                    results[name] = measure(database, encoder, arguments.mixes)
                results[name]["seconds_to_add"] = round(seconds, 1)
        print(name, json.dumps(results[name]), flush=True)
    if arguments.output is not None:
        with replacing(arguments.output) as temporary:
            temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measure(
    database: InstrumentDatabase, encoder: TimbreEncoder, n_mixes: int
) -> dict[str, object]:
    """Mix and search; return the hits, and those of a random ranking."""
    by_family: defaultdict[str, list[Instrument]] = defaultdict(list)
    for one in database.instruments():
        if one.family in encoder.families:
            by_family[str(one.family)].append(one)
    # Sounds without a family are candidates wherever it is unclear what they sound like.
    unsorted = sum(one.family is None for one in database.instruments())
    hits, expected, played = 0, 0.0, 0
    generator = np.random.default_rng(0)
    for _ in range(n_mixes):
        families = generator.choice(sorted(by_family), min(3, len(by_family)), replace=False)
        chosen = {str(family): generator.choice(len(by_family[family])) for family in families}
        cast = {family: by_family[family][int(number)] for family, number in chosen.items()}
        mix = np.sum([phrase(one) for one in cast.values()], axis=0)
        for result in search(
            mix, list(cast), TOP, sample_rate=PHRASE_RATE, encoder=encoder, database=database
        ):
            wanted = cast[result.family].instrument_id
            hits += any(match.instrument.instrument_id == wanted for match in result.matches)
            expected += min(1.0, TOP / (len(by_family[result.family]) + unsorted))
            played += 1
    return {
        "instruments": len(database),
        "families": {family: len(rows) for family, rows in sorted(by_family.items())},
        "top_5_hits": hits,
        "of": played,
        "by_chance_at_least": round(expected, 1),
    }


def phrase(instrument: Instrument) -> FloatArray:
    """Return the phrase that an instrument's engine plays, as long as all others."""
    sound = play_phrase(open_engine(instrument.engine), instrument.family, instrument.category)
    track = np.zeros(5 * PHRASE_RATE, np.float32)
    track[: sound.size] = 0.3 * sound[: track.size]
    return track


def dx7_cartridge(folder: Path, n_presets: int) -> Path:
    """Write a bank of voices, without framing."""
    voices = expand_data_folder("$CIR_DATA/dx7/patches.bin").read_bytes()
    target = folder / "cartridge.syx"
    target.write_bytes(voices[: PACKED_BYTES * max(32, n_presets // 32 * 32)])
    return target


def amsynth_bank(folder: Path, n_presets: int) -> Path:
    """Copy the start of a bank of amsynth."""
    parts = AMSYNTH.read_text(encoding="latin-1").split("<preset>")
    target = folder / AMSYNTH.name
    target.write_text("<preset>".join(parts[: n_presets + 1]), encoding="latin-1")
    return target


def zyn_banks(folder: Path, n_presets: int) -> Path:
    """Copy instruments of several banks of ZynAddSubFX."""
    files = sorted(ZYN.glob("*/*.xiz"))
    for file in files[:: max(1, len(files) // n_presets)][:n_presets]:
        (folder / "banks" / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / "banks" / file.parent.name / file.name)
    return folder / "banks"


def fxp_folder(folder: Path, n_presets: int) -> Path:
    """Write presets of amsynth as .fxp files."""
    (folder / "presets").mkdir()
    for preset in list_amsynth_bank(AMSYNTH)[:n_presets]:
        engine = AmsynthEngine(AMSYNTH, int(preset.reference))
        name = preset.name.replace("/", " ")
        (folder / "presets" / f"{name}.fxp").write_bytes(engine.preset.data)
    return folder / "presets"


def fxp_with_plugin(folder: Path, n_presets: int) -> str:
    """Name the plug-in of the same presets."""
    return f"plugin:{AMSYNTH_PLUGIN}?presets={fxp_folder(folder, n_presets)}"


def sfz_folder(folder: Path, n_presets: int) -> Path:
    """Write SFZ instruments of the recorded notes of mda's plug-ins."""
    bank = NoteBank.open("$CIR_DATA/banks/mda")
    for row in bank.instruments[:n_presets]:
        place = folder / "sfz" / row.name.replace("/", " ")
        place.mkdir(parents=True)
        lines = []
        for number, (note, sound) in enumerate(_notes(bank, row.instrument_id)):
            save_wav(place / f"{number}.wav", sound, SAMPLE_RATE)
            lines.append(f"<region> sample={number}.wav pitch_keycenter={note}")
        keys = _spans([int(line.rpartition("=")[2]) for line in lines])
        regions = (
            f"{line} lokey={low} hikey={high}"
            for line, (low, high) in zip(lines, keys, strict=True)
        )
        (place / f"{place.name}.sfz").write_text("\n".join(regions) + "\n", encoding="utf-8")
    return folder / "sfz"


def _notes(bank: NoteBank, instrument_id: str) -> Iterator[tuple[int, FloatArray]]:
    found = zip(bank.notes(instrument_id), bank.audio(instrument_id), strict=True)
    yield from sorted(((note.pitch, sound) for note, sound in found), key=lambda one: one[0])


def _spans(centres: list[int]) -> list[tuple[int, int]]:
    """Divide all keys among sorted centres."""
    edges = [0, *((a + b) // 2 + 1 for a, b in pairwise(centres)), 128]
    return [(low, high - 1) for low, high in pairwise(edges)]


PACKAGES: dict[str, Callable[[Path, int], Path | str]] = {
    "DX7 cartridge": dx7_cartridge,
    "amsynth bank": amsynth_bank,
    "ZynAddSubFX banks": zyn_banks,
    ".fxp without its plug-in": fxp_folder,
    ".fxp with its plug-in": fxp_with_plugin,
    "SFZ": sfz_folder,
}


if __name__ == "__main__":
    main()
