"""The rows of the paper's tables: which methods are compared, and how each is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cir.config import parse_config
from cir.errors import InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method, as_searched
from cir.schema import read_yaml
from cir.types import SAMPLE_RATE, FloatArray, Progress

if TYPE_CHECKING:
    from cir.model.encoder import TimbreEncoder

PROTOCOLS = ("single", "mixtures")


@dataclass(frozen=True)
class Row:
    """One method of a table."""

    name: str
    method: str = "model"
    """One of `METHODS`."""
    model: str | None = None
    """Folder or Hub id of the encoder that the method needs; None is the bundled one."""
    paper: tuple[float, ...] = ()
    """Top-1 and top-5 accuracy that the paper reports, in %; empty where it has no such row."""
    about: str = ""
    """One line on what it is."""
    made_by: str = ""
    """The command that makes the model."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(
                f"Unknown method {self.method!r} of the row {self.name!r}; choose among "
                f"{', '.join(METHODS)}."
            )
        if len(self.paper) not in (0, 2):
            raise InputError(
                f"The row {self.name!r} gives {len(self.paper)} figures of the paper; give its "
                "top-1 and top-5 accuracy, or none."
            )

    def labels(self) -> dict[str, object]:
        """What a result says about the row beside its figures."""
        figures = dict(zip(("top_1", "top_5"), self.paper, strict=True)) if self.paper else None
        about = ". ".join(text for text in (self.about, self.made_by) if text)
        return {"paper": figures, "about": about}


def load_rows(path: str | Path) -> dict[str, tuple[Row, ...]]:
    """Read a YAML file with the rows of each protocol, `single` and `mixtures`.

    Raises:
        InputError: It cannot be read, is not YAML, or something in it is unknown.
    """
    tables = read_yaml(Path(path))
    if not (
        isinstance(tables, Mapping)
        and tables
        and set(tables) <= set(PROTOCOLS)
        and all(isinstance(rows, list) for rows in tables.values())
    ):
        raise InputError(
            f"{path} must map {' and '.join(PROTOCOLS)} to lists of rows, got {tables!r:.80}."
        )
    return {
        protocol: tuple(
            parse_config(row, Row, f"{path}: {protocol}: row {number}")
            for number, row in enumerate(rows, start=1)
        )
        for protocol, rows in tables.items()
    }


def build_method(
    row: Row,
    gallery: Gallery,
    families: Sequence[str] | None,
    progress: Progress | None = None,
) -> Method:
    """Make the method of a row ready to be measured.

    Args:
        row: Which one.
        gallery: What descriptors are z-scored by.
        families: Whose references these are; None for everybody's.
        progress: Told how far it is.

    Raises:
        CirError: Its model, or a package that it needs, is missing.
    """
    return METHODS[row.method](row, gallery, families, progress)


def _references(
    gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> list[FloatArray]:
    rows = (
        np.arange(len(gallery))
        if families is None
        else np.sort(np.concatenate([gallery.of_family(family) for family in families]))
    )
    return [note.audio for _, note in gallery.references(rows, progress)]


def _load(row: Row) -> "TimbreEncoder":
    from cir.model.encoder import TimbreEncoder

    return TimbreEncoder.from_pretrained(row.model)


def _mfcc(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    from cir.baselines.mfcc import MfccEncoder

    return MfccEncoder.fit(_references(gallery, families, progress), SAMPLE_RATE)


def _timbre_toolbox(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    from cir.baselines.timbre_toolbox.encoder import TimbreToolboxEncoder

    return TimbreToolboxEncoder.fit(_references(gallery, families, progress), SAMPLE_RATE)


def _model(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    return _load(row)


def _as_searched(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    return as_searched(_load(row))


def _true_stems(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    from cir.baselines.known_stems import TrueStems

    return TrueStems(_load(row))


def _ideal_masks(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    from cir.baselines.ideal_masks import IdealMasks

    return IdealMasks(_load(row))


def _demucs(
    row: Row, gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> Method:
    from cir.baselines.demucs import DemucsSeparator
    from cir.baselines.separation import SeparatedEncoder

    return SeparatedEncoder(_load(row), DemucsSeparator())


_Builder = Callable[[Row, Gallery, Sequence[str] | None, Progress | None], Method]

#: How each kind of method is made.
METHODS: dict[str, _Builder] = {
    "model": _model,
    "as-searched": _as_searched,
    "mfcc": _mfcc,
    "timbre-toolbox": _timbre_toolbox,
    "true-stems": _true_stems,
    "ideal-masks": _ideal_masks,
    "demucs": _demucs,
}
