"""Folders of presets for Vital and Surge as datasets."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cir.datasets.rendered import Playable, RenderedDataset
from cir.engines.base import Engine, PresetInfo
from cir.engines.preset_files import KINDS, PLUGIN_SCHEME, list_presets, plugin_targets
from cir.engines.registry import open_engine
from cir.engines.surge import SurgeEngine, import_surgepy
from cir.engines.vital import VitalEngine, import_vita, read_preset
from cir.errors import EngineError, InputError
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_folder, family_of_preset
from cir.instruments.preset_suffixes import suffixes_of
from cir.instruments.splits import split_instruments
from cir.types import Instrument

_logger = logging.getLogger(__name__)


def open_vital_presets(folder: str | Path, *, seed: int = 0) -> RenderedDataset:
    """Open the .vital files of a folder and its subfolders.

    The style of a preset gives its family, or else its folders. Every training preset has an
    effects-off twin.

    Args:
        folder: Folder of presets.
        seed: Seed of the split and the drawn notes.

    Raises:
        InputError: The folder holds no preset.
        EngineError: vita is not installed (raised when instruments are listed).
    """
    return _open(
        "vital",
        Path(folder),
        ".vital",
        VitalEngine,
        lambda file: VitalEngine(file).without_effects(),
        import_vita,
        seed,
    )


def open_surge_patches(folder: str | Path, *, seed: int = 0) -> RenderedDataset:
    """Open the .fxp files of a folder and its subfolders.

    The folders give the families, as in Surge's own `patches_factory/Basses/`. Every training patch
    has an effects-off twin.

    Args:
        folder: Folder of patches.
        seed: Seed of the split and the drawn notes.

    Raises:
        InputError: The folder holds no patch.
        EngineError: surgepy is not installed (raised when instruments are listed).
    """
    return _open(
        "surge",
        Path(folder),
        ".fxp",
        SurgeEngine,
        partial(SurgeEngine, effects=False),
        import_surgepy,
        seed,
    )


def open_presets(scheme: str, where: str, seed: int = 0) -> RenderedDataset:
    """Open the presets of a file, of a folder and its subfolders, or of a plug-in.

    Families come from the presets' own categories, the folders and the names, in this order.

    Args:
        scheme: Kind of the presets; see `cir.engines.preset_files`.
        where: File or folder; of plug-ins, `PLUGIN[?presets=FOLDER]`.
        seed: Seed of the split and the drawn notes.

    Raises:
        InputError: There is no preset.
        EngineError: The engine is not installed (raised when instruments are listed).
    """
    if scheme == PLUGIN_SCHEME:
        targets = plugin_targets(where)
    else:
        folder, files = _find(Path(where), suffixes_of(scheme))
        targets = [(f"{scheme}:{file}", file, folder) for file in files]
    root = targets[0][2]

    def list_playables() -> list[Playable]:
        found: list[tuple[str, Path, PresetInfo]] = []
        for target, file, folder in targets:
            try:
                presets = list_presets(target)
            except EngineError as error:
                if scheme != PLUGIN_SCHEME:
                    KINDS[scheme].check()
                _logger.warning("%s is left out: %s", file, error)
                continue
            found += ((target, file.relative_to(folder), preset) for preset in presets)
        ids = _make_ids(
            [
                # A bank counts as a folder; names are no paths, and may have dots.
                place.with_suffix("") / f"{one.reference} {one.name.replace('/', ' ')}.preset"
                if one.reference
                else place
                for _, place, one in found
            ]
        )
        rows = [
            Instrument(
                instrument_id=instrument_id,
                name=one.name,
                family=_family(one, place, root.name),
                category=one.category or place.parent.name,
                bank=place.stem if one.reference else root.name,
                author=one.author,
                licence=one.licence,
                source=scheme,
                engine=f"{target}#{one.reference}" if one.reference else target,
            )
            for instrument_id, (target, place, one) in zip(ids, found, strict=True)
        ]
        splits = split_instruments(rows, seed=seed)
        return [
            Playable(row, splits[row.instrument_id], partial(open_engine, row.engine))
            for row in rows
        ]

    name = make_instrument_id(scheme, root.name)
    files = [file for _, file, _ in targets if file.is_file()]
    return RenderedDataset(name, files, list_playables, seed)


def _find(path: Path, suffixes: Sequence[str]) -> tuple[Path, list[Path]]:
    """Return the folder that presets lie in, and their files."""
    if path.is_file():
        return path.resolve().parent, [path.resolve()]
    folder = path.resolve()
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in suffixes and file.is_file() and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(f"No preset in {path}; their names end in {', '.join(suffixes)}.")
    return folder, files


def _family(preset: PresetInfo, place: Path, root: str) -> str | None:
    folders = map(family_of_folder, reversed(place.parent.parts))
    own = preset.family or next(filter(None, folders), None)
    return own or family_of_preset(preset.name) or family_of_folder(root)


def _open(
    source: str,
    folder: Path,
    suffix: str,
    open_file: Callable[[Path], Engine],
    open_twin: Callable[[Path], Engine],
    check_engine: Callable[[], object],
    seed: int,
) -> RenderedDataset:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give a folder of {suffix} files.")
    files = sorted(
        path
        for path in folder.rglob("*")
        # macOS puts files like ._Growl.vital into archives.
        if path.suffix.lower() == suffix and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise InputError(f"No preset in {folder}; their names end in {suffix}.")

    def list_playables() -> list[Playable]:
        check_engine()  # otherwise every preset would be left out as damaged
        ids = _make_ids([file.relative_to(folder) for file in files])
        rows = [_describe(source, folder, *pair) for pair in zip(files, ids, strict=True)]
        splits = split_instruments(rows, seed=seed)
        return [
            Playable(
                row,
                splits[row.instrument_id],
                partial(open_file, file),
                open_twin=partial(open_twin, file),
            )
            for row, file in zip(rows, files, strict=True)
        ]

    name = make_instrument_id(source, folder.resolve().name)
    return RenderedDataset(name, files, list_playables, seed)


def _make_ids(paths: Sequence[Path]) -> list[str]:
    """Make ids of paths; equal or empty ones start with a digest of the path."""
    slugs = [_slug(path) for path in paths]
    counts = Counter(slugs)
    return [
        slug if slug and counts[slug] == 1 else make_instrument_id(_digest(path), slug)
        for path, slug in zip(paths, slugs, strict=True)
    ]


def _slug(path: Path) -> str:
    try:
        return make_instrument_id(path.with_suffix(""))
    except InputError:  # a name in another script
        return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.as_posix().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _describe(source: str, folder: Path, file: Path, instrument_id: str) -> Instrument:
    inside = file.relative_to(folder)
    style = _style(file) if source == "vital" else ""
    hints = [style, *reversed(inside.parent.parts), folder.resolve().name]
    return Instrument(
        instrument_id=instrument_id,
        name=file.stem,
        family=next(filter(None, map(family_of_folder, hints)), None),
        category=inside.parent.name,
        bank=folder.resolve().name,
        author="",
        licence="",
        source=source,
        engine=f"{source}:{file.resolve()}",
    )


def _style(file: Path) -> str:
    """Read the style of a Vital preset: Bass, Lead, Pad, Keys, Percussion, SFX, ..."""
    try:
        return str(read_preset(file.read_bytes(), file.name).preset_style)
    except (OSError, EngineError):
        return ""
