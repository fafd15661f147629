"""The rows of the paper's tables: the methods that are compared, and how each is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.errors import InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method
from cir.schema import parse_values, read_yaml
from cir.types import SAMPLE_RATE, FloatArray, Progress

PROTOCOLS = ("single", "mixtures")

METHODS = (
    *("model", "mfcc", "timbre-toolbox"),
    *("true-stems", "ideal-masks", "demucs"),
)


@dataclass(frozen=True)
class Row:
    """One method of a table."""

    name: str
    method: str = "model"
    """One of `METHODS`."""
    model: str | None = None
    """Folder or Hub id of the encoder that the method needs; None for the bundled one."""
    paper: tuple[float, ...] = ()
    """Top-1 and top-5 accuracy in the paper, in %; empty if the paper has no such row."""
    about: str = ""
    """One line of description."""
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
        """Return the entries that a result has beside its figures."""
        figures = dict(zip(("top_1", "top_5"), self.paper, strict=True)) if self.paper else None
        about = ". ".join(text for text in (self.about, self.made_by) if text)
        return {"paper": figures, "about": about}


def load_rows(path: str | Path) -> dict[str, tuple[Row, ...]]:
    """Read a YAML file with the rows of each protocol, `single` and `mixtures`.

    Raises:
        InputError: The file cannot be read, is not YAML, or has an unknown key or protocol.
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
            parse_values(row, Row, f"{path}: {protocol}: row {number}")
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
    """Build the method of a row.

    Args:
        row: The row.
        gallery: Its reference notes give mean and spread of descriptors.
        families: Families of these references; None for all instruments.
        progress: Called with the fraction of references that are decoded.

    Raises:
        CirError: The model, or a package that the method needs, is missing.
    """
    if row.method == "mfcc":
        from cir.baselines.mfcc import MfccEncoder

        return MfccEncoder.fit(_references(gallery, families, progress), SAMPLE_RATE)
    if row.method == "timbre-toolbox":
        from cir.baselines.timbre_toolbox.description import TimbreToolboxEncoder

        return TimbreToolboxEncoder.fit(_references(gallery, families, progress), SAMPLE_RATE)
    from cir.model.encoder import TimbreEncoder

    encoder = TimbreEncoder.from_pretrained(row.model)
    match row.method:
        case "true-stems":
            from cir.baselines.known_stems import TrueStems

            return TrueStems(encoder)
        case "ideal-masks":
            from cir.baselines.ideal_masks import IdealMasks

            return IdealMasks(encoder)
        case "demucs":
            from cir.baselines.demucs import DemucsSeparator
            from cir.baselines.separation import SeparatedEncoder

            return SeparatedEncoder(encoder, DemucsSeparator())
    return encoder


def _references(
    gallery: Gallery, families: Sequence[str] | None, progress: Progress | None
) -> list[FloatArray]:
    rows = np.arange(len(gallery))
    if families is not None:
        rows = np.sort(np.concatenate([gallery.of_family(family) for family in families]))
    return [note.audio for _, note in gallery.references(rows, progress)]
