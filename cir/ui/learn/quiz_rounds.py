"""Rounds of the listening quiz, drawn from a seed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.index.exact import cosine_similarities
from cir.instruments.families import FAMILIES
from cir.types import FloatArray, Instrument
from cir.ui.service import PageService

ROUNDS = 10
CANDIDATES = 5
MAX_SEED = 999_999

TOO_ALIKE = 0.98
"""Two instruments with this cosine or more are the same sound and not used in one round."""

_NEIGHBOURS = 10
"""The wrong candidates are drawn from this many nearest neighbours of the right one."""
_DRAWS = 40
_OTHERS = 2
_ACCOMPANISTS = ("percussion", "bass", "synth_lead", "synth_pad", "piano", "guitar")


@dataclass(frozen=True)
class Round:
    """A mix of up to three instruments, and five candidates for the first of them."""

    seed: int
    number: int
    """From 1."""
    family: str
    """Family of the candidates."""
    candidates: tuple[Instrument, ...]
    """Exactly one is in the mix."""
    answer: int
    """Index of the right candidate."""
    others: tuple[Instrument, ...]
    """The other instruments of the mix, of other families."""


def check_seed(seed: float | None) -> int:
    """Return the number of a quiz as an integer.

    Raises:
        InputError: It is not an integer from 0 to `MAX_SEED`.
    """
    if seed is None or seed not in range(MAX_SEED + 1):
        given = "nothing" if seed is None else f"{seed:g}"
        raise InputError(
            f"The quiz number must be a whole number from 0 to {MAX_SEED}, not {given}."
        )
    return int(seed)


def draw_round(service: PageService, seed: int, number: int) -> Round:
    """Draw one round, a pure function of its arguments and the database.

    Raises:
        InputError: No family has five different instruments with previews.
    """
    generator = np.random.default_rng([seed, number])
    families = _audible_families(service)
    for _ in range(_DRAWS):
        playable = sorted(name for name, rows in families.items() if len(rows) >= CANDIDATES)
        if not playable:
            break
        family = playable[generator.integers(len(playable))]
        rows = families[family]
        right = int(generator.integers(len(rows)))
        rivals = _rivals(service, rows, right)
        if len(rivals) < CANDIDATES - 1:
            continue
        wrong = generator.choice(rivals, CANDIDATES - 1, replace=False)
        order = generator.permutation([rows[right], *wrong])
        return Round(
            seed,
            number,
            family,
            tuple(service.instruments[row] for row in order),
            int(np.flatnonzero(order == rows[right])[0]),
            _draw_others(service, families, family, generator),
        )
    raise InputError(
        f"A quiz needs a family of at least {CANDIDATES} different instruments with previews; this "
        "database has none."
    )


def _audible_families(service: PageService) -> dict[str, list[int]]:
    """Return the rows with a preview, by family, for families that the model knows."""
    known = service.encoder.families or FAMILIES
    families: defaultdict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(service.instruments):
        if one.family in known and service.preview(one.instrument_id) is not None:
            families[str(one.family)].append(row)
    return dict(families)


def _rivals(service: PageService, rows: Sequence[int], right: int) -> list[int]:
    """Return the nearest neighbours of a row in its family, without near-duplicates."""
    _, embeddings = service.database.embeddings()
    similarities = cosine_similarities(embeddings[list(rows)], embeddings[rows[right]])
    chosen = [rows[right]]
    for place in np.argsort(-similarities, kind="stable"):
        row = rows[int(place)]
        if row != rows[right] and _differs(embeddings, row, chosen):
            chosen.append(row)
        if len(chosen) > _NEIGHBOURS:
            break
    return chosen[1:]


def _differs(embeddings: FloatArray, row: int, chosen: Sequence[int]) -> bool:
    alike: NDArray[np.float64] = cosine_similarities(embeddings[list(chosen)], embeddings[row])
    return bool((alike < TOO_ALIKE).all())


def _draw_others(
    service: PageService,
    families: dict[str, list[int]],
    family: str,
    generator: np.random.Generator,
) -> tuple[Instrument, ...]:
    """Draw up to two instruments, of two other families."""
    available = [name for name in _ACCOMPANISTS if name != family and name in families]
    chosen = generator.permutation(len(available))[:_OTHERS]
    picked = []
    for place in chosen:
        rows = families[available[place]]
        picked.append(service.instruments[rows[generator.integers(len(rows))]])
    return tuple(picked)
