"""Adding one's own sounds to a database: files, folders and zip archives of one-shots."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from cir.audio.dsp import fade_out, peak_normalise
from cir.audio.io import load_audio, save_opus
from cir.errors import InputError
from cir.index.archives import SOUND_SUFFIXES, extract_sounds
from cir.index.bundle import is_bundle
from cir.index.database import InstrumentDatabase, check_new_folder
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import check_families, family_of_folder
from cir.types import Encoder, FloatArray, Instrument, Progress

MAX_SECONDS = 60.0
"""A one-shot is one note; whatever is longer is refused."""

_PREVIEW_SECONDS = 6.0
_PREVIEW_PEAK = 0.9
_FADE_SECONDS = 0.05
_MAX_ID_LENGTH = 110


@dataclass(frozen=True)
class Labels:
    """What is to be said of all sounds that are added at once."""

    family: str | None = None
    """None: from the name of the folder that a sound lies in, if it names a family."""
    bank: str | None = None
    """None: the name of the folder or archive."""
    author: str = ""
    licence: str = ""


@dataclass(frozen=True)
class AddReport:
    """What became of the sounds."""

    added: tuple[Instrument, ...]
    refused: tuple[str, ...]
    """For each sound that was left out, why."""


@dataclass(frozen=True)
class _Sound:
    path: Path
    """Where it can be read now."""
    origin: str
    """Where it comes from, for people and for the catalogue."""
    bank: str
    inside: PurePosixPath
    """Its path inside the folder or archive that was named."""


def add_sounds(
    folder: Path | str,
    encoder: Encoder,
    paths: Sequence[Path | str],
    labels: Labels | None = None,
    *,
    progress: Progress | None = None,
) -> AddReport:
    """Add sounds to a database of one's own, each as an instrument; made where there is none.

    The same file again replaces itself. Nothing is written before every sound is embedded.

    A sound that was named itself must be readable; in folders and archives those that are not are
    left out and reported.

    Args:
        folder: of the database; new, empty, or one that `encoder` made.
        encoder: embeds the sounds.
        paths: sound files, folders (with all they hold) and zip archives.
        labels: what to say of them.
        progress: called after every sound.

    Raises:
        InputError: a path does not exist or is nothing of the kind, a named file cannot be read, an
            archive is refused, or no sound is left.
        DatabaseError: another model made the database, or it is the bundled one.
    """
    target = Path(folder).expanduser()
    if is_bundle(target):
        InstrumentDatabase.open(target, encoder=encoder)  # refuse before the work, not after
    else:
        check_new_folder(target)
    labels = labels or Labels()
    if labels.family is not None:
        check_families([labels.family])
    files = [Path(path).expanduser() for path in paths]
    named = {str(file) for file in files if file.is_file()}
    with tempfile.TemporaryDirectory(prefix="cir-add-") as workspace:
        sounds = list(_find(files, Path(workspace)))
        instruments: list[Instrument] = []
        embeddings: list[FloatArray] = []
        previews: dict[str, Path] = {}
        refused: list[str] = []
        taken: set[str] = set()
        for done, sound in enumerate(sounds, start=1):
            try:
                audio, rate = load_audio(sound.path, sample_rate=None, max_seconds=MAX_SECONDS)
                embedding = encoder.embed([audio], rate)[0]
            except InputError as error:
                if str(sound.path) in named:
                    raise
                refused.append(f"{sound.origin}: {error}")
                continue
            instrument = _describe(sound, labels, taken)
            taken.add(instrument.instrument_id)
            preview = Path(workspace) / f"preview-{done}.opus"
            _write_preview(preview, audio, rate)
            instruments.append(instrument)
            embeddings.append(embedding)
            previews[instrument.instrument_id] = preview
            if progress is not None:
                progress(done / len(sounds), f"Embedding sounds, {done} of {len(sounds)}")
        if not instruments:
            why = f"; the first problem: {refused[0]}" if refused else ""
            raise InputError(f"None of the sounds can be added{why}")
        if not is_bundle(target):
            InstrumentDatabase.create(target, encoder)
        InstrumentDatabase.open(target).add(instruments, np.stack(embeddings), previews)
    return AddReport(tuple(instruments), tuple(refused))


def _find(files: Sequence[Path], workspace: Path) -> Iterator[_Sound]:
    for number, file in enumerate(files):
        if file.is_dir():
            root = file.resolve()
            found = [
                path
                for path in sorted(file.rglob("*"))
                if path.suffix.lower() in SOUND_SUFFIXES
                and path.is_file()
                and not path.name.startswith(".")
            ]
            for path in found:
                inside = PurePosixPath(path.relative_to(file).as_posix())
                yield _Sound(path, str(root / inside), root.name or "samples", inside)
        elif file.suffix.lower() == ".zip" and file.is_file():
            folder = workspace / f"archive-{number}"
            folder.mkdir()
            found_inside = extract_sounds(file, folder)
            if not found_inside:
                raise InputError(f"{file.name} holds no sounds (wav, flac, ogg, mp3, aiff).")
            for path, inside in found_inside:
                yield _Sound(path, f"{file.resolve()}!{inside}", file.stem, inside)
        else:  # `load_audio` says it where this is no sound file
            resolved = file.resolve()
            yield _Sound(
                file, str(resolved), resolved.parent.name or "samples", PurePosixPath(file.name)
            )


def _describe(sound: _Sound, labels: Labels, taken: set[str]) -> Instrument:
    folders = [*sound.inside.parts[:-1]]
    from_folders = (family_of_folder(name) for name in (*reversed(folders), sound.bank))
    family = labels.family or next(filter(None, from_folders), None)
    bank = labels.bank or sound.bank
    return Instrument(
        instrument_id=_free_id(bank, sound, taken),
        name=sound.inside.stem,
        family=family,
        category=folders[-1] if folders else "",
        bank=bank,
        author=labels.author,
        licence=labels.licence,
        source="samples",
        engine=f"samples:{sound.origin}",
    )


def _free_id(bank: str, sound: _Sound, taken: set[str]) -> str:
    digest = hashlib.sha256(str(sound.inside).encode()).hexdigest()[:8]
    try:
        make_instrument_id(sound.inside.stem)
        wanted = make_instrument_id(bank, *sound.inside.with_suffix("").parts)
    except InputError:  # a name in another script
        wanted = make_instrument_id(bank, digest)
    if len(wanted) > _MAX_ID_LENGTH:
        wanted = f"{wanted[: _MAX_ID_LENGTH - 9].rstrip('-')}-{digest}"
    free, number = wanted, 1
    while free in taken:
        number += 1
        free = f"{wanted}-{number}"
    return free


def _write_preview(path: Path, audio: FloatArray, sample_rate: int) -> None:
    short = audio[: round(_PREVIEW_SECONDS * sample_rate)]
    faded = fade_out(peak_normalise(short, _PREVIEW_PEAK), round(_FADE_SECONDS * sample_rate))
    save_opus(path, faded, sample_rate)
