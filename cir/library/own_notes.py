"""The instruments of a file: catalogue row, digest and reference note of each."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from cir.audio.decode import Decoded
from cir.audio.io import load_with_notice
from cir.engines.base import PresetInfo
from cir.errors import CirError, InputError
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import (
    family_of_file,
    family_of_folder,
    family_of_preset,
    reference_pitch,
)
from cir.instruments.preset_suffixes import SCHEMES
from cir.library.digests import digest_of_file
from cir.library.find_files import LOOSE_FOLDER, Limits, SoundFile
from cir.library.sandboxed_engines import SandboxedEngines
from cir.text import clean
from cir.types import FloatArray, Instrument

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
    """One instrument, before it is embedded."""

    instrument: Instrument
    digest: str
    """Digest of all that the embedding and the preview depend on."""
    load: Callable[[], Decoded]
    """Returns the note, or raises InputError."""
    play: Callable[[], tuple[FloatArray, int] | None] | None = None
    """Returns the phrase, (T,), and the sample rate, or None; None for one-shots."""


class NoteReader:
    """Makes instruments with unique ids of files.

    Args:
        labels: Labels of all instruments.
        limits: Limits on their length.
        engines: Players of sound fonts and presets.
    """

    def __init__(self, labels: Labels, limits: Limits, engines: SandboxedEngines) -> None:
        self._labels = labels
        self._limits = limits
        self._engines = engines
        self._taken: set[str] = set()

    def read(self, file: SoundFile) -> Iterator[OwnNote]:
        """List the instruments of a file.

        Raises:
            InputError: The file cannot be read, or is a damaged sound font or preset.
        """
        suffix = file.path.suffix.lower()
        try:
            content = digest_of_file(file.path) + file.target
        except OSError as error:
            raise InputError(f"{file.shown} cannot be read ({error.strerror}).") from None
        scheme = SCHEMES.get(suffix, "")
        target = file.target or (scheme and f"{scheme}:{file.path}")
        if target:
            for one in self._engines.describe(target, file.shown):
                yield self._engine_note(file, content, target, one)
        else:
            yield self._one_shot(file, content)

    def _one_shot(self, file: SoundFile, content: str) -> OwnNote:
        bank = self._bank(file.bank)
        instrument = Instrument(
            instrument_id=self._free_id(bank, file.inside.with_suffix("")),
            name=clean(file.inside.stem) or _NAMELESS,
            family=self._labels.family or _family_of_name(file, file.inside.stem, family_of_file),
            category=_category(file),
            bank=bank,
            author=self._labels.author,
            licence=self._labels.licence,
            source="samples",
            engine=f"samples:{file.origin}",
        )
        return OwnNote(instrument, content, partial(_load, file, self._limits.seconds))

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
            instrument_id=self._free_id(bank, place),
            name=clean(one.name) or _NAMELESS,
            family=family,
            category=one.category or _category(file),
            bank=bank,
            author=labels.author or one.author,
            licence=labels.licence or one.licence,
            source=source,
            engine=f"{where}{fragment}",
        )
        remark = one.remark and f"{file.shown} {one.remark}."
        which = (target, file.shown, one.reference, family)
        return OwnNote(
            instrument,
            f"{content}{fragment}@{reference_pitch(family)}",
            lambda: Decoded(*self._engines.play(*which), remark),
            partial(self._engines.phrase, *which, one.category),
        )

    def _bank(self, otherwise: str) -> str:
        return clean(self._labels.bank or "") or clean(otherwise) or LOOSE_FOLDER

    def _free_id(self, bank: str, place: PurePosixPath) -> str:
        digest = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        try:
            make_instrument_id(place.name)
            wanted = make_instrument_id(bank, *place.parts)
        except InputError:  # a name in another script
            wanted = make_instrument_id(bank, digest)
        if len(wanted) > _MAX_ID_LENGTH:
            wanted = f"{wanted[: _MAX_ID_LENGTH - 9].rstrip('-')}-{digest}"
        free, number = wanted, 1
        while free in self._taken:
            number += 1
            free = f"{wanted}-{number}"
        self._taken.add(free)
        return free


def _load(file: SoundFile, max_seconds: float) -> Decoded:
    """Decode a recording; errors name the file as the user knows it."""
    try:
        decoded = load_with_notice(file.path, sample_rate=None, max_seconds=max_seconds)
    except CirError as error:
        said = str(error).replace(str(file.path), file.shown)
        if file.shown not in said:
            said = said.replace(file.path.name, file.shown)
        raise InputError(said if file.shown in said else f"{file.shown}: {said}") from None
    said = decoded.notice and f"{file.shown}: {decoded.notice}"
    return replace(decoded, notice=said)


def _family_of_name(
    file: SoundFile, name: str, family_of: Callable[[str], str | None]
) -> str | None:
    """Read a family from the innermost folder that names one, the file's name, or the bank."""
    folders = (family_of_folder(one) for one in reversed(file.inside.parts[:-1]))
    named = next(filter(None, folders), None) or family_of(name)
    return named or family_of_folder(file.bank)


def _category(file: SoundFile) -> str:
    folders = file.inside.parts[:-1]
    return folders[-1] if folders else ""
