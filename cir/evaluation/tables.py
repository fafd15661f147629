"""A table of the paper: all its rows on the same queries."""

from collections.abc import Sequence
from typing import Any

from cir.errors import CirError, InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.rows import PROTOCOLS, Row, build_method
from cir.evaluation.single import evaluate_single_source
from cir.progress import part
from cir.types import Progress

_SHARE_OF_BUILDING = 0.1
"""Share of the progress that building the methods takes."""


def evaluate_rows(
    protocol: str,
    rows: Sequence[Row],
    gallery: Gallery,
    mixture_set: MixtureSet,
    *,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Evaluate every row whose model and packages are installed.

    Args:
        protocol: `single` or `mixtures`.
        rows: Rows with different names.
        gallery: Notes and references.
        mixture_set: Mixtures to draw; single notes take its split and seed.
        progress: Called with the fraction done.

    Returns:
        A result for each row, in their order, with the paper's figures. A row whose model or
        package is missing has `missing` in place of figures, with what to do.

    Raises:
        InputError: The protocol is unknown, two rows share a name, or there is no row.
        CirError: No row can be evaluated; the error of the first row.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"Unknown protocol {protocol!r}; choose among {', '.join(PROTOCOLS)}.")
    names = [row.name for row in rows]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise InputError(f"Two rows are called {doubled[0]!r}; give each a name of its own.")
    methods: dict[str, Method] = {}
    results: dict[str, dict[str, Any]] = {}
    errors: list[CirError] = []
    families = mixture_set.families if protocol == "mixtures" else None
    for number, row in enumerate(rows):
        own = part(
            progress,
            _SHARE_OF_BUILDING * number / len(rows),
            _SHARE_OF_BUILDING * (number + 1) / len(rows),
        )
        try:
            methods[row.name] = build_method(row, gallery, families, own)
        except CirError as error:
            errors.append(error)
            results[row.name] = {
                "protocol": protocol,
                "name": row.name,
                "missing": f"{error} Made by: {row.made_by}" if row.made_by else str(error),
            }
    if not methods:
        raise errors[0] if errors else InputError("There is no row to measure; name one at least.")
    rest = part(progress, _SHARE_OF_BUILDING, 1.0)
    if protocol == "single":
        measured = evaluate_single_source(
            methods, gallery, split=mixture_set.split, seed=mixture_set.seed, progress=rest
        )
    else:
        measured = evaluate_mixtures(methods, gallery, mixture_set, progress=rest)
    results |= {result["name"]: result for result in measured}
    return [results[row.name] | row.labels() for row in rows]
