"""The instruments of a file: catalogue row, digest and the sounds to make of each."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from cir.engines.base import PresetInfo
from cir.errors import InputError
from cir.index.row_store import Origin
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import (
    family_of_file,
    family_of_folder,
    family_of_nsynth,
    family_of_preset,
    reference_pitch,
)
from cir.instruments.note_bank import NoteBank
from cir.instruments.preset_suffixes import SCHEMES
from cir.library.find_files import BANK_SCHEME, LOOSE_FOLDER, Limits
from cir.library.sandboxed_engines import SandboxedEngines
from cir.library.sound_file import SoundFile
from cir.library.sound_tasks import SoundTask
from cir.text import clean
from cir.types import Instrument

_NSYNTH = re.compile(
    "(bass|brass|flute|guitar|keyboard|mallet|organ|reed|string|synth_lead|vocal)"
    "_(?:acoustic|electronic|synthetic)_[0-9]{3}"
)
"""Names of the instruments of NSynth."""
_MAX_ID_LENGTH = 110
_NAMELESS = "unnamed"


@dataclass(frozen=True)
class Labels:
    """Labels of all sounds that are added at once."""

    family: str | None = None
    """None: from the metadata of a sound font or preset, or from the names of folders and files."""
    bank: str | None = None
    """None for the name of the folder, archive or sound font."""
    author: str = ""
    """Empty for that of the sound font or preset."""
    licence: str = ""
    """The same."""


@dataclass(frozen=True)
class OwnNote:
    """One instrument of a file, before it is embedded."""

    instrument: Instrument
    """Its id is a wish: it may be taken."""
    origin: Origin
    task: SoundTask


class NoteReader:
    """Lists the instruments of files.

    Args:
        labels: Labels of all instruments.
        limits: Limits on their length.
        engines: Describes sound fonts and presets.
    """

    def __init__(self, labels: Labels, limits: Limits, engines: SandboxedEngines) -> None:
        self._labels = labels
        self._limits = limits
        self._engines = engines

    @property
    def family(self) -> str | None:
        """The family of all instruments, if one was given."""
        return self._labels.family

    @property
    def labels(self) -> str:
        """A digest of the labels and limits."""
        return hashlib.sha256(f"{self._labels} {self._limits.seconds}".encode()).hexdigest()[:16]

    def read(self, file: SoundFile, content: str) -> Iterator[OwnNote]:
        """List the instruments of a file.

        Args:
            file: The file.
            content: Its digest.

        Raises:
            InputError: It is a damaged sound font or preset.
        """
        scheme = SCHEMES.get(file.path.suffix.lower(), "")
        target = file.target or (scheme and f"{scheme}:{file.path}")
        if target.startswith(f"{BANK_SCHEME}:"):
            yield self._bank_note(file, content, target)
        elif target:
            for one in self._engines.describe(target, file.shown):
                yield self._engine_note(file, content, target, one)
        else:
            yield self._recorded(file, content)

    def _recorded(self, file: SoundFile, content: str) -> OwnNote:
        """Make an instrument of a one-shot, or of the recordings of a multi-sample."""
        bank, stem = self._bank(file.bank), file.inside.stem
        family = self._labels.family or _family_of_name(file, stem, family_of_file)
        instrument = Instrument(
            instrument_id=_wanted_id(bank, file.inside.with_suffix("")),
            name=clean(stem) or _NAMELESS,
            family=family,
            category=_category(file),
            bank=bank,
            author=self._labels.author,
            licence=self._labels.licence,
            source="samples",
            engine=f"samples:{file.origin}",
        )
        has_original = file.is_local and not file.members
        paths = file.members[: file.n_notes] or (file.path,)
        return OwnNote(
            instrument,
            Origin(file.origin, "", content, has_original),
            SoundTask(
                shown=file.shown,
                paths=tuple(map(str, paths)),
                max_seconds=self._limits.seconds,
                wants_preview=not has_original,
            ),
        )

    def _engine_note(self, file: SoundFile, content: str, target: str, one: PresetInfo) -> OwnNote:
        labels, is_bank = self._labels, bool(one.reference)
        bank = self._bank(file.inside.stem if is_bank else file.bank)
        family = labels.family or one.family or _family_of_name(file, one.name, family_of_preset)
        place = file.inside.with_suffix("")
        if is_bank:
            font = [file.inside.stem] if labels.bank else []  # otherwise the bank has its name
            place = PurePosixPath(*font, one.reference.replace("/", "-"), one.name or "preset")
        source = target.partition(":")[0]
        where = file.target or f"{source}:{file.origin}"
        fragment = f"#{one.reference}" if is_bank else ""
        instrument = Instrument(
            instrument_id=_wanted_id(bank, place),
            name=clean(one.name) or _NAMELESS,
            family=family,
            category=one.category or _category(file),
            bank=bank,
            author=labels.author or one.author,
            licence=labels.licence or one.licence,
            source=source,
            engine=f"{where}{fragment}",
        )
        made_of = f"{content}{file.target}{fragment}@{reference_pitch(family)}"
        return OwnNote(
            instrument,
            Origin(file.origin, one.reference, made_of),
            SoundTask(
                shown=file.shown,
                engine=f"{target}{fragment}",
                family=family,
                category=one.category,
                remark=one.remark,
            ),
        )

    def _bank_note(self, file: SoundFile, content: str, target: str) -> OwnNote:
        folder, labels = Path(target.partition(":")[2]), self._labels
        row = _open_note_bank(folder, (folder / "notes.csv").stat().st_mtime_ns)[file.path.stem]
        instrument = Instrument(
            instrument_id=row.instrument_id,
            name=clean(row.name) or _NAMELESS,
            family=labels.family or row.family,
            category=row.category,
            bank=self._bank(row.bank),
            author=labels.author or row.author,
            licence=labels.licence,
            source=folder.name,
            engine=f"{target}#{row.instrument_id}",
        )
        return OwnNote(
            instrument,
            Origin(file.origin, "", content),
            SoundTask(shown=file.shown, engine=instrument.engine),
        )

    def _bank(self, otherwise: str) -> str:
        return clean(self._labels.bank or "") or clean(otherwise) or LOOSE_FOLDER


def _wanted_id(bank: str, place: PurePosixPath) -> str:
    digest = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    try:
        make_instrument_id(place.name)
        wanted = make_instrument_id(bank, *place.parts)
    except InputError:  # a name in another script
        wanted = make_instrument_id(bank, digest)
    if len(wanted) > _MAX_ID_LENGTH:
        wanted = f"{wanted[: _MAX_ID_LENGTH - 9].rstrip('-')}-{digest}"
    return wanted


@lru_cache(maxsize=2)
def _open_note_bank(folder: Path, _modified: int) -> NoteBank:
    return NoteBank.open(folder)


def _family_of_name(
    file: SoundFile, name: str, family_of: Callable[[str], str | None]
) -> str | None:
    """Read a family from the innermost folder that names one, the file's name, or the bank."""
    if (nsynth := _NSYNTH.fullmatch(name)) is not None:
        return family_of_nsynth(nsynth[1])
    folders = (family_of_folder(one) for one in reversed(file.inside.parts[:-1]))
    named = next(filter(None, folders), None) or family_of(name)
    return named or family_of_folder(file.bank)


def _category(file: SoundFile) -> str:
    folders = file.inside.parts[:-1]
    return folders[-1] if folders else ""
