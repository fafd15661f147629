"""Which instruments may be found: by bank, source, licence, words, and how they sound."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.index.ranking import Ranking
from cir.types import FloatArray

_SLIDERS = ("brightness", "attack", "noisiness")
"""In the order of `cir.index.descriptors.NAMES`."""


@dataclass(frozen=True)
class Filters:
    """Which instruments may be found; the defaults let all pass.

    Raises:
        InputError: A slider is outside [-1, 1].
    """

    bank: str | None = None
    source: str | None = None
    licence: str | None = None
    text: str = ""
    """Words that must be in name, category, family, bank or author, see `cir.index.text_search`."""
    brightness: float = 0.0
    """In [-1, 1]: 0.7 keeps the 30 % with the highest spectral centroid among the candidates, -0.7
    the 30 % with the lowest."""
    attack: float = 0.0
    """The same of the attack time: -1 is the fastest."""
    noisiness: float = 0.0
    """The same of the spectral flatness."""

    def __post_init__(self) -> None:
        for name in _SLIDERS:
            value = getattr(self, name)
            if not -1.0 <= value <= 1.0:  # NaN too
                raise InputError(f"{name} is {value:g}; choose a number from -1 to 1.")

    def narrow(self, ranking: Ranking) -> Ranking:
        """Return the ranking of the candidates that pass; `text` was applied before.

        Sounds that were not measured do not pass a slider that is moved.

        Raises:
            DatabaseError: The descriptors of the database are damaged.
        """
        if self == ANY:
            return ranking
        rows, bundle = ranking.rows, ranking.bundle
        keep = np.ones(len(rows), dtype=bool)
        for name in ("bank", "source", "licence"):
            wanted = getattr(self, name)
            if wanted is not None:
                own = [getattr(bundle.catalog[int(row)], name) == wanted for row in rows]
                keep &= np.array(own, dtype=bool)
        for column, name in enumerate(_SLIDERS):
            if wish := getattr(self, name):
                keep &= _at_one_end(_column(bundle.descriptors, column, rows), wish)
        return replace(ranking, rows=rows[keep], scores=ranking.scores[keep])

    def in_words(self) -> tuple[str, ...]:
        """Say what is asked for, one phrase for each filter that is set."""
        words = [value for value in (self.bank, self.source, self.licence) if value]
        words += [f"\u201c{self.text.strip()}\u201d"] if self.text.strip() else []
        for name, low, high in (
            ("brightness", "dark", "bright"),
            ("attack", "fast attack", "slow attack"),
            ("noisiness", "tonal", "noisy"),
        ):
            value = getattr(self, name)
            words += [low if value < 0 else high] if value else []
        return tuple(words)


ANY = Filters()
NAMES = tuple(field.name for field in fields(Filters))


def _column(table: FloatArray | None, column: int, rows: NDArray[np.intp]) -> FloatArray:
    if table is None:
        return np.full(len(rows), np.nan, dtype=np.float32)
    return np.asarray(table[rows, column])


def _at_one_end(values: FloatArray, wish: float) -> NDArray[np.bool_]:
    """Return which values are in the highest (wish > 0) or lowest share of the known ones."""
    if np.isnan(values).all():
        return np.zeros(len(values), dtype=bool)
    share = min(abs(wish), 0.99)
    if wish > 0:
        return np.asarray(values >= np.nanquantile(values, share))
    return np.asarray(values <= np.nanquantile(values, 1.0 - share))
