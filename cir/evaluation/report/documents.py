"""Results as JSON: what `cir evaluate` writes, and what the page and the tables are made of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cir.errors import DataError, InputError

#: One result, as the protocols make it: plain values, ready for JSON.
Result: TypeAlias = Mapping[str, Any]

_ACCURACY_KEYS = ("encoder", "settings", "scores", "primary")

#: What a result of each protocol must have, unless it says why it is `missing`.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "mixtures": _ACCURACY_KEYS,
    "single": _ACCURACY_KEYS,
    "conditions": ("encoder", "groups"),
    "open-set": ("encoder", "auroc", "ece", "reliability", "threshold"),
}


def to_json(results: Sequence[Result]) -> str:
    """Write results as one document, `{"results": [...]}`."""
    return json.dumps({"results": list(results)}, indent=2, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> list[dict[str, Any]]:
    """Read what `to_json` wrote.

    Raises:
        DataError: It is no such document.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"The results are no JSON ({error}); give what `cir evaluate` wrote."
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
    """Old results with the new ones in their place, told apart by protocol and name.

    Args:
        old: As they were measured.
        new: Measured again, or for the first time.
        order: Protocols and names in the order of the result; those that it lacks come last.
    """
    merged = {(str(one["protocol"]), name_of(one)): one for one in (*old, *new)}
    places = {key: place for place, key in enumerate(order)}
    return [merged[key] for key in sorted(merged, key=lambda key: places.get(key, len(places)))]


def check_results(results: Sequence[Result]) -> None:
    """Refuse what no table can be made of.

    Raises:
        InputError: There is no result, or one is of no known protocol or lacks a part.
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
    """What a row is called: its name, else the identity of its encoder."""
    return str(result.get("name") or result["encoder"])
