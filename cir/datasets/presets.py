"""Presets of synthesizers and plug-ins as datasets."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cir.datasets.rendered import N_NOTES, Playable, RenderedDataset
from cir.engines.base import Engine, PresetInfo
from cir.engines.preset_files import KINDS, PLUGIN_SCHEME, list_presets, plugin_targets
from cir.engines.registry import open_engine
from cir.engines.surge import SurgeEngine
from cir.engines.vital import VitalEngine
from cir.errors import EngineError, InputError
from cir.files import expand_data_folder
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_folder, family_of_preset
from cir.instruments.preset_suffixes import suffixes_of
from cir.instruments.splits import split_instruments
from cir.types import Instrument

_TWINS: dict[str, Callable[[str], Engine]] = {
    "vital": lambda file: VitalEngine(file).without_effects(),
    "surge": lambda file: SurgeEngine(file, effects=False),
}
"""Openers of presets without their effects."""

_logger = logging.getLogger(__name__)


def open_presets(scheme: str, where: str, seed: int = 0, n_notes: int = N_NOTES) -> RenderedDataset:
    """Open the presets of a file, of folders and their subfolders, or of a plug-in.

    Families come from the presets' own categories, the folders and the names, in this order. Every
    training preset of Vital and Surge has an effects-off twin.

    Args:
        scheme: Kind of the presets; see `cir.engines.preset_files`.
        where: File or folder, or several separated by commas; of plug-ins,
            `PLUGIN[?presets=FOLDER]`.
        seed: Seed of the split and the drawn notes.
        n_notes: Most notes of an instrument.

    Raises:
        InputError: There is no preset.
        EngineError: The engine is not installed (raised when instruments are listed).
    """
    if scheme == PLUGIN_SCHEME:
        targets = plugin_targets(where)
    else:
        names = [where] if Path(where).exists() else where.split(",")
        places = [expand_data_folder(name.strip()) for name in names if name.strip()]
        targets = [
            (f"{scheme}:{file}", file, folder)
            for folder, files in (_find(place, suffixes_of(scheme)) for place in places)
            for file in files
        ]
    roots = list(dict.fromkeys(folder for _, _, folder in targets))
    open_twin = _TWINS.get(scheme)

    def list_playables() -> list[Playable]:
        if scheme != PLUGIN_SCHEME:
            KINDS[scheme].check()
        found: list[tuple[str, Path, Path, PresetInfo]] = []
        for target, file, folder in targets:
            try:
                presets = list_presets(target)
            except EngineError as error:
                _logger.warning("%s is left out: %s", file, error)
                continue
            found += ((target, folder, file.relative_to(folder), preset) for preset in presets)
        ids = _make_ids(
            [
                # Of several folders, the names count. So does a bank; names of presets are no
                # paths, and may have dots.
                Path(root.name if len(roots) > 1 else "")
                / (
                    place.with_suffix("") / f"{one.reference} {one.name.replace('/', ' ')}.preset"
                    if one.reference
                    else place
                )
                for _, root, place, one in found
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
            for instrument_id, (target, root, place, one) in zip(ids, found, strict=True)
        ]
        splits = split_instruments(rows, seed=seed)
        return [
            Playable(
                row,
                splits[row.instrument_id],
                partial(open_engine, row.engine),
                open_twin=open_twin and partial(open_twin, target.removeprefix(f"{scheme}:")),
            )
            for row, (target, *_) in zip(rows, found, strict=True)
        ]

    name = make_instrument_id(scheme, *(root.name for root in roots))
    files = [file for _, file, _ in targets if file.is_file()]
    return RenderedDataset(name, files, list_playables, seed, n_notes)


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
