"""Results as JSON, as `cir evaluate` writes them and reports read them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cir.errors import DataError, InputError

Result: TypeAlias = Mapping[str, Any]
"""A result of a protocol: plain values for JSON."""

_ACCURACY_KEYS = ("encoder", "settings", "scores", "primary")

_KEYS: Mapping[str, tuple[str, ...]] = {
    "mixtures": _ACCURACY_KEYS,
    "single": _ACCURACY_KEYS,
    "conditions": ("encoder", "groups"),
    "open-set": ("encoder", "auroc", "ece", "reliability", "threshold"),
}
"""Keys that a result of each protocol must have, unless it is `missing`."""


def to_json(results: Sequence[Result]) -> str:
    """Return results as one document, `{"results": [...]}`."""
    return json.dumps({"results": list(results)}, indent=2, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> list[dict[str, Any]]:
    """Read a document of `to_json`.

    Raises:
        DataError: The text is not such a document.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"The results are not JSON ({error}); give a file that `cir evaluate` wrote."
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("results"), list):
        raise DataError('The results must be {"results": [...]}, as `cir evaluate` writes them.')
    results: list[dict[str, Any]] = document["results"]
    try:
        check_results(results)
    except InputError as error:
        raise DataError(str(error)) from None
    return results


def replace_results(
    old: Sequence[dict[str, Any]],
    new: Sequence[dict[str, Any]],
    order: Sequence[tuple[str, str]],
) -> list[dict[str, Any]]:
    """Merge results; a new one replaces the old one of the same protocol and name.

    Args:
        old: Earlier results.
        new: New results.
        order: Protocol and name of each result in the wanted order; results not in it come last.
    """
    merged = {(str(one["protocol"]), name_of(one)): one for one in (*old, *new)}
    places = {key: place for place, key in enumerate(order)}
    return [merged[key] for key in sorted(merged, key=lambda key: places.get(key, len(places)))]


def check_results(results: Sequence[Result]) -> None:
    """Check that results have what the tables need.

    Raises:
        InputError: There is no result, or one is of an unknown protocol or lacks a key.
    """
    if not results:
        raise InputError("There are no results to report; measure something first.")
    for number, result in enumerate(results, start=1):
        protocol = str(result.get("protocol") if isinstance(result, Mapping) else None)
        if protocol not in _KEYS:
            raise InputError(
                f"Result {number} is of the protocol {protocol}; it must be one of "
                f"{', '.join(_KEYS)}."
            )
        wanted = ("name",) if "missing" in result else _KEYS[protocol]
        if lacking := [key for key in wanted if key not in result]:
            raise InputError(
                f"Result {number} ({protocol}) lacks {lacking[0]!r}; "
                "give results as `cir evaluate` writes them."
            )


def name_of(result: Result) -> str:
    """Return the name of a result, else the identity of its encoder."""
    return str(result.get("name") or result["encoder"])
