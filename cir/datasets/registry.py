"""Datasets by the name that configurations give them, `scheme:where`."""

from collections.abc import Callable
from functools import partial

from cir.datasets.base import NoteDataset
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.datasets.nsynth import NSynthDataset
from cir.datasets.presets import open_presets
from cir.datasets.soundfonts import open_soundfonts
from cir.engines.preset_files import PLUGIN_SCHEME
from cir.errors import InputError

PRESET_SCHEMES = ("vital", "surge", "dx7", "zyn", "amsynth", "sfz", PLUGIN_SCHEME)


def open_dataset(spec: str, *, seed: int = 0, n_notes: int | None = None) -> NoteDataset:
    """Open the dataset that a configuration names.

    | spec | notes of |
    |---|---|
    | `bank:FOLDER` | a note bank |
    | `nsynth:FOLDER` | NSynth, one of its splits or a folder of them |
    | `soundfont:FILE[,FILE...]` | the presets and drums of sound fonts |
    | `vital:PLACE` | Vital presets |
    | `surge:PLACE` | Surge patches |
    | `dx7:PLACE`, `zyn:PLACE`, `amsynth:PLACE`, `sfz:PLACE` | presets of other synthesizers |
    | `plugin:PLUGIN[?presets=FOLDER]` | a plug-in's own presets, or those of a folder |
    | `generated:COUNT` | that many random Vital presets |

    A place is a file, or a folder of files and folders; several are separated by commas.

    Args:
        spec: One of the above. Places may begin with `$CIR_DATA`.
        seed: Seed of splits, drawn notes and generated presets; note banks have fixed splits.
        n_notes: Most notes of an instrument that an engine plays; None for as many as usual.

    Raises:
        InputError: The spec is malformed, names nothing that exists, or the seed is negative.
        DataError: The dataset is damaged.
    """
    scheme, colon, where = spec.partition(":")
    if not colon or scheme not in _OPENERS or not where.strip():
        raise InputError(
            f"Unknown dataset {spec!r}; give scheme:where, "
            f"with one of the schemes {', '.join(_OPENERS)}."
        )
    if seed < 0:
        raise InputError(f"A seed must be 0 or more, got {seed}.")
    if n_notes is not None:
        if scheme not in PRESET_SCHEMES:
            raise InputError(
                f"The number of notes of {scheme}: is fixed; it can be chosen with "
                f"{', '.join(PRESET_SCHEMES)}."
            )
        return open_presets(scheme, where.strip(), seed, n_notes)
    return _OPENERS[scheme](where.strip(), seed)


def _open_generated(count: str, seed: int) -> NoteDataset:
    if not count.isdecimal() or int(count) < 1:
        raise InputError(f"generated:COUNT needs a whole number from 1, not {count!r}.")
    from cir.datasets.generated import GeneratedVitalDataset

    return GeneratedVitalDataset(int(count), seed=seed)


_OPENERS: dict[str, Callable[[str, int], NoteDataset]] = {
    "bank": lambda where, _: NoteBankDataset(where),
    "nsynth": lambda where, seed: NSynthDataset(where, seed=seed),
    "soundfont": lambda where, seed: open_soundfonts(
        [file.strip() for file in where.split(",") if file.strip()], seed=seed
    ),
    "generated": _open_generated,
    **{scheme: partial(open_presets, scheme) for scheme in PRESET_SCHEMES},
}
