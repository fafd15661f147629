"""Search by words that may be misspelt: over names, categories, families, banks and authors."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cir.types import Instrument

_WEIGHTS = {"name": 1.0, "category": 0.9, "family": 0.9, "bank": 0.8, "author": 0.8}
"""How much a word counts, by the field that it stands in."""

_TYPOS_FROM = (4, 8)
"""Numbers of letters from which a word may have one and two typing errors."""

_EXACT, _START, _INSIDE, _MISSPELT, _MISSPELT_START = 1.0, 0.9, 0.75, 0.7, 0.6
_LEAST_INSIDE = 3
_WORD = re.compile(r"[^\W_]+")


class TextIndex:
    """The words of instruments, for many searches of the same rows.

    Args:
        instruments: N rows.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        numbers: dict[str, int] = {"": 0}  # an entry for rows that have no word at all
        found: list[int] = []
        weights: list[float] = []
        starts: list[int] = []
        for instrument in instruments:
            starts.append(len(found))
            found.append(0)
            weights.append(0.0)
            for field, weight in _WEIGHTS.items():
                words = words_of(getattr(instrument, field) or "")
                joined = [first + second for first, second in zip(words, words[1:], strict=False)]
                for word in (*words, *joined):
                    found.append(numbers.setdefault(word, len(numbers)))
                    weights.append(weight)
        self._vocabulary = list(numbers)
        self._found = np.array(found, np.intp)
        self._weights = np.array(weights)
        self._starts = np.array(starts, np.intp)

    def match(self, query: str) -> NDArray[np.float64]:
        """Return how well each row has the words of a query, as `match_text` does."""
        words = words_of(query)
        if not words or not len(self._starts):
            return np.ones(len(self._starts))
        total = np.zeros(len(self._starts))
        passes = np.ones(len(self._starts), bool)
        for word in words:
            values = _qualities(word, self._vocabulary)[self._found] * self._weights
            best = np.maximum.reduceat(values, self._starts)
            total += best
            passes &= best > 0
        return np.where(passes, total / len(words), 0.0)


def match_text(query: str, instruments: Sequence[Instrument]) -> NDArray[np.float64]:
    """Return how well each instrument has the words of a query.

    Every word must be in the name, category, family, bank or author: as it is, as the start or a
    part of a longer word, or with one typing error from 4 letters and two from 8. Case and accents
    do not count. Two words may be written as one: `subbass` finds Sub Bass.

    Args:
        query: Words; without any, all instruments match.
        instruments: N rows; `TextIndex` saves time where the same ones are searched repeatedly.

    Returns:
        (N,), in [0, 1]; 0 where a word is missing, 1 where all are in the name as they are.
    """
    return TextIndex(instruments).match(query)


def words_of(text: str) -> list[str]:
    """Split a text into words of letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(one for one in plain if not unicodedata.combining(one)))


def _qualities(word: str, vocabulary: Sequence[str]) -> NDArray[np.float64]:
    """Return how well a word of a query fits each word that occurs, in [0, 1]."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    allowed = sum(len(word) >= least for least in _TYPOS_FROM)
    qualities = np.zeros(len(vocabulary))
    if allowed:
        starts = [one[: len(word)] for one in vocabulary]
        for others, quality in ((starts, _MISSPELT_START), (vocabulary, _MISSPELT)):
            errors = cdist([word], others, scorer=OSA.distance, score_cutoff=allowed)[0]
            qualities[errors <= allowed] = quality
    for position, other in enumerate(vocabulary):
        if other == word:
            qualities[position] = _EXACT
        elif other.startswith(word):
            qualities[position] = _START
        elif len(word) >= _LEAST_INSIDE and word in other:
            qualities[position] = _INSIDE
    return qualities
