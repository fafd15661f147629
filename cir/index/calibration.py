"""Calibration: how similarities become chances, stored as plain numbers.

`cir.evaluation.calibrate` fits it on instruments that the model was not trained on.
"""

import json
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cir.config import Share, checked
from cir.errors import DatabaseError, InputError
from cir.files import replacing
from cir.index.chances import (
    ByFamily,
    ChanceLevels,
    ChanceModel,
    Likeness,
    NoveltyModel,
)
from cir.schema import parse_values
from cir.types import Judgement

CALIBRATION_NAME = "calibration.json"
FORMAT_VERSION = 3
FIRST = 5
"""Matches that are shown by default."""
_REFIT = "delete it and run `cir database calibrate`"
"""Advice for a file that cannot be read."""


@checked()
class Calibration:
    """Chances and open-set detection for one model and one database.

    Raises:
        InputError: A number is out of range.
    """

    identity: str
    """Of the model."""
    about: str
    """One line: what it was fitted on."""
    candidates: ByFamily[int]
    """Number of candidates by family for which chances are known; they hold for searches among as
    many candidates, and for no others."""
    chance: ChanceModel
    """Scores of matches, given that the instrument is in the database."""
    levels: ChanceLevels
    """Chance that a match is the instrument, by its score."""
    first_levels: ChanceLevels
    """Chance that the instrument is among the first five, by the sum of their scores."""
    likeness: Likeness
    """Words for similarities."""
    novelty: NoveltyModel
    """Whether the instrument is in the database at all."""
    threshold: Share
    """Novelty above which the answer is that the instrument is absent."""
    false_alarm_rate: Share
    """Share of instruments in the database that were called absent."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise InputError(
                f"This calibration has format {self.format_version!r}, this program reads "
                f"{FORMAT_VERSION}."
            )

    def check_identity(self, identity: str) -> None:
        """Make sure that this calibration was fitted for a model.

        Raises:
            DatabaseError: It was fitted for another one.
        """
        if identity != self.identity:
            raise DatabaseError(
                f"The calibration was made for the model {self.identity}, not for {identity}: run "
                "`cir database calibrate` with that model."
            )

    def judge(self, similarities: ArrayLike, family: str | None, top_k: int) -> Judgement:
        """Return the judgement of an answer.

        It has chances if they were fitted for as many candidates of that family, and the instrument
        is not judged absent.

        Args:
            similarities: Of all candidates that pass the filters, in any order, (N,). If there are
                none, the instrument is absent.
            family: The family that was searched for; None for any.
            top_k: How many matches are shown.

        Raises:
            InputError: The similarities are not finite numbers, or `top_k` is not at least 1.
        """
        values = np.asarray(similarities, dtype=np.float64)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise InputError(
                f"Similarities must be finite numbers of shape (N,), not of {values.shape}."
            )
        if top_k < 1:
            raise InputError(f"top_k must be at least 1, not {top_k}.")
        if not len(values):
            return Judgement(1.0, True, self.false_alarm_rate)
        ranked = np.sort(values)[::-1]
        novelty = self.novelty.novelty(ranked, family)
        judgement = Judgement(
            novelty=novelty,
            is_absent=novelty > self.threshold,
            false_alarm_rate=self.false_alarm_rate,
        )
        if judgement.is_absent or self.candidates.get(family or "") != len(ranked):
            return judgement
        scores = self.chance.scores(ranked, family)
        chances = self.levels.of(scores[:top_k])
        return replace(
            judgement,
            chances=tuple(chances.tolist()),
            top_1=float(chances[0]),
            top_5=float(self.first_levels.of(scores[:FIRST].sum())),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object, where: str = "The calibration") -> "Calibration":
        """Read the values of `as_dict`.

        Raises:
            DatabaseError: A value is missing, unknown or out of range.
        """
        try:
            return parse_values(values, cls, where)
        except InputError as error:
            raise DatabaseError(f"{str(error).rstrip('.')}; {_REFIT}.") from None


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of the database in `folder`; None where it has none.

    A calibration of an older format counts as none.

    Raises:
        DatabaseError: It is damaged.
    """
    path = folder / CALIBRATION_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        raise DatabaseError(f"{path} cannot be read; {_REFIT}.") from None
    return calibration_of(values, str(path))


def calibration_of(values: object, where: str) -> Calibration | None:
    """Read stored values; a calibration of an older format counts as none.

    Raises:
        DatabaseError: They are damaged.
    """
    if isinstance(values, dict) and values.get("format_version") in range(1, FORMAT_VERSION):
        return None
    return Calibration.from_dict(values, where)


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Store a calibration with the database in `folder`.

    Raises:
        DatabaseError: The folder cannot be written to.
    """
    text = json.dumps(calibration.as_dict(), indent=2, allow_nan=False)
    path = folder / CALIBRATION_NAME
    try:
        with replacing(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DatabaseError(
            f"Cannot write {path} ({error.strerror}); calibrate a copy of the database "
            "(`cir database export FOLDER`, then --database FOLDER)."
        ) from None


class Fits:
    """The calibration of one database, read when it is first asked for.

    Args:
        folder: Of the database.
        identity: Of the model that made it.
        bundled: Folder of the bundled database, whose words for similarities serve every database
            of the same model that has none of its own.
    """

    def __init__(self, folder: Path, identity: str, bundled: Path) -> None:
        self._folder, self._identity, self._bundled = folder, identity, bundled

    @cached_property
    def calibration(self) -> Calibration | None:
        """The database's own calibration; raises as `InstrumentDatabase.calibration` does."""
        fit = read_calibration(self._folder)
        if fit is not None:
            fit.check_identity(self._identity)
        return fit

    def likeness(self, calibration: Calibration | None) -> Likeness:
        """Return the words for similarities; raises as `InstrumentDatabase.likeness` does."""
        fitted = calibration or self._bundled_calibration()
        return Likeness() if fitted is None else fitted.likeness

    def _bundled_calibration(self) -> Calibration | None:
        shipped = read_calibration(self._bundled)
        return shipped if shipped is not None and shipped.identity == self._identity else None
