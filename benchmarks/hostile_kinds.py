"""Kinds of hostile inputs: how each is made from a valid one, and which function reads it."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hostile_material as material
import numpy as np
from numpy.random import Generator
from safetensors.numpy import load_file, save

from cir.audio.io import load_audio
from cir.config import load_config
from cir.datasets.midi_statistics import MidiStatistics
from cir.engines.note_bank import NoteBankEngine
from cir.engines.vital import read_preset
from cir.errors import CirError
from cir.index.database import InstrumentDatabase
from cir.instruments.note_bank import NoteBank
from cir.library.database_archive import import_archive, is_exported
from cir.library.sandboxed_engines import SandboxedEngines
from cir.library.sounds import Labels, add_sounds
from cir.mixtures.mixture_config import MixtureConfig
from cir.types import SAMPLE_RATE, Instrument, Note
from tests.fakes import SpectrumEncoder

TEXTS = (
    *("\r", "a\rb", "a\nb", '"', '",', "\0", "\x1b[2J", "\u2028", "\x85", "\u202e", " ", ""),
    *("nan", "inf", "-1", "1e400", "9" * 5_000, "x" * 200_000, "../../etc/passwd", "=1+1"),
    *("\ud800", "<script>", "音", "e\u0301", "é" * 300, "CON", "a/../b", "%s%n", "{0}"),
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *(
        None,
        True,
        -1,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        [],
        {},
        [[[[]]]],
        {"a": {"b": 1}},
    ),
)
_DEEP = 5_000


@dataclass(frozen=True)
class Kind:
    """A kind of inputs."""

    make: Callable[[Path, Generator], Path]
    """Writes a hostile input into an empty folder."""
    enter: Callable[[Path], object]
    """Passes it to the library."""


def damage(content: bytes, generator: Generator) -> bytes:
    """Change, cut off, repeat or insert some bytes."""
    changed = bytearray(content)
    for _ in range(int(generator.integers(1, 4)) ** 2):
        place = int(generator.integers(len(changed) or 1))
        size = int(generator.integers(1, 64))
        match int(generator.integers(12)):
            case 0:
                del changed[place : place + size]
            case 1:
                changed[place:place] = generator.bytes(size)
            case 2:
                changed[place : place + 4] = generator.choice(
                    [b"\xff" * 4, bytes(4), b"\0\0\0\x80"]
                )
            case 3 if generator.random() < 0.5:
                del changed[place:]
            case _:
                changed[place : place + 1] = generator.bytes(1)
    return bytes(changed)


def hostile_json(document: Any, generator: Generator) -> bytes:
    """Put an unexpected value somewhere into a document."""
    match int(generator.integers(6)):
        case 0:
            return damage(json.dumps(document).encode(), generator)
        case 1:
            opening, closing = (b"[", b"]") if generator.random() < 0.5 else (b'{"a":', b"}")
            return opening * _DEEP + b"1" + closing * _DEEP
        case 2:
            return json.dumps(_pick(VALUES, generator)).encode()
        case _:
            return json.dumps(_with_value(document, generator)).encode()


def hostile_csv(text: str, generator: Generator) -> bytes:
    """Put an unexpected value into one of the fields, quoted or not."""
    lines = [line.split(",") for line in text.splitlines()]
    row = lines[int(generator.integers(len(lines)))]
    match int(generator.integers(6)):
        case 0:
            return damage(text.encode(), generator)
        case 1:
            row.pop()
        case 2:
            row.append(_pick(TEXTS, generator))
        case _:
            field = _pick(TEXTS, generator)
            quoted = generator.random() < 0.5
            row[int(generator.integers(len(row)))] = f'"{field}"' if quoted else field
    return "\n".join(map(",".join, lines)).encode("utf-8", "surrogatepass")


def hostile_yaml(text: str, generator: Generator) -> bytes:
    """Put an unexpected value behind a key, or expand a few values to billions."""
    lines = text.splitlines()
    place = int(generator.integers(len(lines)))
    key = lines[place].partition(":")[0]
    match int(generator.integers(6)):
        case 0:
            return damage(text.encode(), generator)
        case 1:
            return b"[" * _DEEP
        case 2:
            laughs = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
            return "\n".join(["l0: &l0 [x]", *laughs, text]).encode()
        case 3:
            odd = ("2001-99-99", "!!python/object:os.system x", "&a [*a]", "0x" + "f" * 9_000)
            lines[place] = f"{key}: {_pick(odd, generator)}"
        case _:
            lines[place] = f"{key}: {json.dumps(_pick(VALUES, generator))}"
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def hostile_arrays(arrays: dict[str, Any], generator: Generator) -> bytes:
    """Change type, shape, names or numbers of arrays, or bytes of their file."""
    changed = dict(arrays)
    name = _pick(sorted(changed), generator)
    array = changed[name]
    match int(generator.integers(7)):
        case 0:
            changed[name] = array.astype(_pick(("int8", "float64", "bool", "uint64"), generator))
        case 1:
            changed[name] = array.reshape(-1)
        case 2:
            changed[name] = np.full_like(
                array, _pick((np.nan, np.inf, -np.inf, 0.0, 1e38), generator)
            )
        case 3:
            changed["other"] = changed.pop(name)
        case 4:
            head = json.dumps(
                {
                    name: {
                        "dtype": _pick(("BF16", "F8_E4M3", "Q4", "F32"), generator),
                        "shape": [2**40, 4],
                        "data_offsets": [0, 16],
                    }
                }
            ).encode()
            return len(head).to_bytes(8, "little") + head + bytes(16)
        case 5:
            return int(generator.integers(2**62)).to_bytes(8, "little") + generator.bytes(64)
        case _:
            return damage(save(arrays), generator)
    return save({key: np.ascontiguousarray(value) for key, value in changed.items()})


def kinds(base: Path) -> dict[str, Kind]:
    """Return all kinds; valid inputs are written to the new folder `base`."""
    base.mkdir(parents=True)
    engines = SandboxedEngines()
    sounds = material.make_sounds(base)
    database = material.make_database(base / "library")
    bank = material.make_note_bank(base / "bank")
    preset = material.make_preset(base / "growl.vital")
    font = material.make_sound_font(base / "font.sf2")
    archives = [
        material.make_zip(base / f"kit{packed}.zip", sounds[:3], packed)
        for packed in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
            zipfile.ZIP_BZIP2,
            zipfile.ZIP_LZMA,
        )
    ]
    return {
        "audio": Kind(lambda folder, rng: _damaged(_pick(sounds, rng), folder, rng), load_audio),
        "archive of sounds": Kind(
            lambda folder, rng: _damaged(_pick(archives, rng), folder, rng), _add
        ),
        "names": Kind(lambda folder, rng: _names(sounds[-1], folder, rng), _add_and_read),
        "labels": Kind(lambda folder, rng: _label(sounds[-1], folder, rng), _add_labelled),
        "sound font": Kind(
            lambda folder, rng: _damaged(font, folder, rng), partial(_play_font, engines)
        ),
        "preset": Kind(
            lambda folder, rng: _changed_json(preset, folder, rng), partial(_preset, engines)
        ),
        "export": Kind(
            lambda folder, rng: _damaged(database.with_suffix(".zip"), folder, rng), _import
        ),
        "tables of an export": Kind(lambda folder, rng: _packed(database, folder, rng), _import),
        "tables of a database": Kind(lambda folder, rng: _tables(database, folder, rng), _open),
        "note bank": Kind(lambda folder, rng: _bank(bank, folder, rng), _play),
        "configuration": Kind(_configuration, lambda path: load_config(path, MixtureConfig)),
        "statistics": Kind(_statistics, MidiStatistics.load),
    }


def model_kind(base: Path) -> Kind:
    """Return the kind of model folders; apart, because torch is slow to import."""
    from cir.model.conv_ast import ConvAst
    from cir.model.encoder import TimbreEncoder
    from cir.model.network_config import ConvAstConfig

    config = ConvAstConfig(widths=(8, 8, 16, 16, 32), n_layers=1, n_heads=2, families=("bass",))
    TimbreEncoder(ConvAst(config), "cpu").save_pretrained(base / "model")

    def make(folder: Path, generator: Generator) -> Path:
        made = Path(shutil.copytree(base / "model", folder / "model"))
        if generator.random() < 0.5:
            document = json.loads((made / "config.json").read_text())
            (made / "config.json").write_bytes(hostile_json(document, generator))
        else:
            weights = made / "model.safetensors"
            weights.write_bytes(hostile_arrays(load_file(weights), generator))
        return made

    return Kind(make, lambda path: TimbreEncoder.from_pretrained(path, device="cpu"))


def _damaged(path: Path, folder: Path, generator: Generator) -> Path:
    target = folder / path.name
    target.write_bytes(damage(path.read_bytes(), generator))
    return target


def _changed_json(path: Path, folder: Path, generator: Generator) -> Path:
    target = folder / path.name
    target.write_bytes(hostile_json(json.loads(path.read_text()), generator))
    return target


def _play_font(engines: SandboxedEngines, path: Path) -> None:
    """Describe and play a sound font as an addition does, in one process for all of them."""
    font = f"soundfont:{path}"
    for one in engines.describe(font, path.name)[:2]:
        Instrument("x", one.name, None, one.category, path.stem, one.author, "", "", "")
        engines.play(font, path.name, one.reference, "bass")


def _names(sound: Path, folder: Path, generator: Generator) -> Path:
    target = folder / "kit.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(3):
            text = _pick(TEXTS, generator)[:2_000].encode("utf-8", "replace").decode()
            text = text.replace("\0", "\1")  # of what follows it, zipfile writes nothing
            name = text if generator.random() < 0.5 else f"{text}/{text}{number}"
            archive.write(sound, f"{name}.wav")
    return target


def _label(sound: Path, folder: Path, generator: Generator) -> Path:
    labels = {name: _pick(TEXTS, generator) for name in ("bank", "author", "licence")}
    (folder / "labels.json").write_text(json.dumps(labels))
    shutil.copy(sound, folder / "sound.wav")
    return folder / "sound.wav"


def _packed(database: Path, folder: Path, generator: Generator) -> Path:
    tables = _tables(database, folder, generator)
    return Path(shutil.make_archive(str(folder / "packed"), "zip", tables))


def _tables(database: Path, folder: Path, generator: Generator) -> Path:
    """Write a database with a hostile table that has the checksum of its header."""
    made = folder / "db"
    InstrumentDatabase.open(database).export(made)
    header = json.loads((made / "database.json").read_text())
    table = _pick(("instruments", "map", "embeddings", "header", "contents"), generator)
    if table == "contents":
        (made / "contents.json").write_bytes(hostile_json({"kit-one": "digest"}, generator))
    elif table == "header":
        (made / "database.json").write_bytes(hostile_json(header, generator))
    else:
        path = made / header["files"][table]
        if table == "embeddings":
            content = hostile_arrays(load_file(path), generator)
        else:
            content = hostile_csv(path.read_text(), generator)
        path.write_bytes(content)
        header["sha256"][table] = hashlib.sha256(content).hexdigest()
        (made / "database.json").write_text(json.dumps(header))
    return made


def _bank(bank: Path, folder: Path, generator: Generator) -> Path:
    made = Path(shutil.copytree(bank, folder / "bank"))
    path = made / _pick(("instruments.csv", "notes.csv", "notes/one.opus"), generator)
    if path.suffix == ".csv":
        path.write_bytes(hostile_csv(path.read_text(), generator))
    else:
        path.write_bytes(damage(path.read_bytes(), generator))
    return made


def _configuration(folder: Path, generator: Generator) -> Path:
    text = "setting: realistic\nduration_seconds: 4.0\nfamilies: [bass, organ]\nmax_stems: 3\n"
    (folder / "config.yaml").write_bytes(hostile_yaml(text, generator))
    return folder / "config.yaml"


def _statistics(folder: Path, generator: Generator) -> Path:
    counts = {"pitches": [1] * 128, "velocities": [1] * 128, "durations": [1] * 32}
    document = {"n_files": 1, "n_skipped": 0, "families": {"bass": counts}}
    (folder / "midi.json").write_bytes(hostile_json(document, generator))
    return folder / "midi.json"


def _add(path: Path) -> None:
    add_sounds(path.parent / "db", SpectrumEncoder(), [path])


def _add_and_read(path: Path) -> None:
    _add(path)
    _read_back(path.parent / "db")


def _add_labelled(path: Path) -> None:
    labels = Labels(**json.loads((path.parent / "labels.json").read_text()))
    add_sounds(path.parent / "db", SpectrumEncoder(), [path], labels)
    _read_back(path.parent / "db")


def _read_back(folder: Path) -> None:
    """Check that everything that was added can be read."""
    try:
        assert len(InstrumentDatabase.open(folder)) > 0  # noqa: S101 - is to be counted
    except CirError as error:
        raise AssertionError(f"the database is lost: {error}") from error


def _preset(engines: SandboxedEngines, path: Path) -> None:
    """Read a preset here and in the process that plays it."""
    read_preset(path.read_bytes(), path.name)
    engines.describe(f"vital:{path}", path.name)


def _import(path: Path) -> None:
    if is_exported(path):
        import_archive(path.parent / "new", SpectrumEncoder(), path)
    _add(path)


def _open(path: Path) -> None:
    with InstrumentDatabase.open(path) as database:
        database.info()
    import_folder = shutil.make_archive(str(path.with_name("again")), "zip", path)
    import_archive(path.with_name("new"), SpectrumEncoder(), import_folder)


def _play(path: Path) -> None:
    bank = NoteBank.open(path)
    for instrument in bank.instruments:
        bank.reference(instrument.instrument_id)
        engine = NoteBankEngine(bank, instrument.instrument_id)
        engine.render([Note(60, 100, 0.0, 0.2)], 0.3, SAMPLE_RATE)


def _with_value(document: Any, generator: Generator) -> Any:
    """Return a copy with one of its values, at any depth, replaced."""
    if isinstance(document, dict) and document and generator.random() < 0.9:
        key = _pick(sorted(document), generator)
        if generator.random() < 0.1:
            return {**document, _pick(TEXTS, generator): document[key]}
        return {**document, key: _with_value(document[key], generator)}
    if isinstance(document, list) and document and generator.random() < 0.7:
        place = int(generator.integers(len(document)))
        return [*document[:place], _with_value(document[place], generator), *document[place + 1 :]]
    return _pick(VALUES, generator)


def _pick(choice: Sequence[Any], generator: Generator) -> Any:
    return choice[int(generator.integers(len(choice)))]
