"""What comes from outside as JSON, YAML, CSV or safetensors: read and checked in one place.

The shape of a file is a type: a dataclass, or a list or mapping of these. Types are
strict, a number is no text; numbers are finite; keys that the shape has not are refused, or left
out where the format is somebody else's. Whatever a file holds, its reader gets the shape or one
sentence.
"""

import csv
import json
from collections.abc import Hashable, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from reprlib import Repr
from types import GenericAlias
from typing import Any, Literal, TypeAlias, TypeVar, cast, get_type_hints

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from cir.errors import CirError, DataError, InputError

T = TypeVar("T")

Extra: TypeAlias = Literal["forbid", "ignore"]

TENSOR_ERRORS = (
    SafetensorError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    MemoryError,
)
"""What reading safetensors raises where the file is damaged or of a type that nobody knows."""

MAX_JSON_BYTES = 256 << 20
MAX_YAML_BYTES = 256 << 10

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_WORDS = {
    "Input should be a valid number": "is no number",
    "Input should be a finite number": "is not finite",
    "Input should be": "must be",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid integer": "a whole number",
    "a valid array": "a list",
    "an object": "a mapping of keys to values",
    "a valid dictionary": "a mapping of keys to values",
    "a valid string": "text",
    "Field required": "is missing",
    "Value error, ": "",
}
_short = Repr()  # however large what arrived is
_short.maxstring = _short.maxother = 60


class _TreeLoader(yaml.SafeLoader):
    """YAML without aliases: a file of a few lines can make billions of values of them."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias (*name), and these are not allowed")
        return super().compose_node(parent, index)


def parse_json(
    text: str | bytes,
    shape: type[T],
    where: str,
    *,
    error: type[CirError] = InputError,
    extra: Extra = "forbid",
) -> T:
    """Read JSON as a shape.

    Args:
        text: JSON in UTF-8.
        shape: what it must be.
        where: what errors call it.
        error: which of the family is raised.
        extra: what becomes of keys that the shape has not.

    Raises:
        CirError: `error`, where it is not.
    """
    try:
        content = text if isinstance(text, bytes) else text.encode()
        # In a list, for a dataclass by itself takes no settings.
        checked: T = _adapter(cast(Hashable, shape), extra).validate_json(b"[%b]" % content)[0]
        return checked
    except UnicodeEncodeError:
        raise error(f"{where} is no text in UTF-8.") from None
    except ValidationError as found:
        raise error(_sentence(found, shape, where)) from None


def read_json(
    path: Path, shape: type[T], *, error: type[CirError] = InputError, extra: Extra = "forbid"
) -> T:
    """Read a file of JSON as a shape; see `parse_json`.

    Raises:
        CirError: `error`, where it cannot be read or is not of this shape.
    """
    return parse_json(
        _read_bytes(path, MAX_JSON_BYTES, error), shape, str(path), error=error, extra=extra
    )


def parse_values(values: object, shape: type[T], where: str) -> T:
    """Read plain values, such as those of `read_yaml`, as a shape.

    Raises:
        InputError: They are not of this shape.
    """
    try:
        text = json.dumps(values, default=str)  # dates of YAML
    except (ValueError, TypeError, RecursionError) as found:
        raise InputError(f"{where} holds what cannot be read: {found}.") from None
    return parse_json(text, shape, where)


def read_yaml(path: Path) -> object:
    """Read a file of YAML, without aliases, as plain values.

    Raises:
        InputError: It cannot be read, is no YAML or longer than a configuration is.
    """
    content = _read_bytes(path, MAX_YAML_BYTES, InputError)
    try:
        return yaml.load(content, _TreeLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, RecursionError) as found:
        raise InputError(f"{path} is not YAML: {_one_line(found)}.") from None


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV table in UTF-8 that has certain columns, and perhaps more.

    Raises:
        DataError: It is missing or no CSV, lacks a column, or a row has not as many fields.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path} lacks the column(s) {', '.join(missing)}; "
                    f"it must have {', '.join(columns)}."
                )
            rows: list[dict[str, str]] = []
            for row in reader:
                if None in row or None in row.values():
                    raise DataError(
                        f"{path}, line {reader.line_num}: the row has not as many fields as the "
                        "header."
                    )
                rows.append(row)
            return rows
    except OSError as found:
        raise DataError(f"{path} cannot be read: {found.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as found:
        raise DataError(f"{path} is no CSV in UTF-8: {found}.") from None


def read_table(path: Path, shape: type[T], columns: Sequence[str]) -> list[T]:
    """Read a CSV table, each row as a shape, whose numbers are read from their digits.

    Raises:
        DataError: As `read_rows`, or a field is not what it must be.
    """
    rows = read_rows(path, columns)
    try:
        return list(_rows_adapter(cast(Hashable, shape)).validate_python(rows))
    except ValidationError as found:
        first = found.errors(include_url=False, include_context=False)[0]
        row, *place = first["loc"]
        field = " ".join(map(str, place))
        raise DataError(f"{path}, row {int(row) + 1}: {field} {complaint(first)}.") from None


def read_arrays(path: Path, *, error: type[CirError] = DataError) -> dict[str, NDArray[Any]]:
    """Read a file of safetensors.

    Raises:
        CirError: `error`, where it cannot be read.
    """
    try:
        return dict(load_file(path))
    except TENSOR_ERRORS as found:
        raise error(f"{path} cannot be read as safetensors ({_one_line(found)}).") from None


def as_floats(array: NDArray[Any], what: str, *, error: type[CirError] = DataError) -> NDArray[Any]:
    """Return an array of floats in single precision.

    Raises:
        CirError: `error`, where it holds something else, or numbers that are not finite.
    """
    if array.dtype.kind != "f":
        raise error(f"{what} must hold floats, not {array.dtype}.")
    with np.errstate(over="ignore"):
        floats = array.astype(np.float32, copy=False)
    if not np.isfinite(floats).all():
        raise error(f"{what} must hold finite numbers; some are NaN or infinite.")
    return floats


@lru_cache
def _adapter(shape: Hashable, extra: Extra) -> TypeAdapter[Any]:
    strict = ConfigDict(strict=True, extra=extra, allow_inf_nan=False)
    return TypeAdapter(GenericAlias(tuple, shape), config=strict)


@lru_cache
def _rows_adapter(shape: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(GenericAlias(list, shape), config=ConfigDict(allow_inf_nan=False))


def _read_bytes(path: Path, limit: int, error: type[CirError]) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise error(f"{path} is larger than such a file may be ({limit >> 10:,} KiB).")
        return path.read_bytes()
    except (OSError, ValueError) as found:
        reason = getattr(found, "strerror", None) or found
        raise error(f"Cannot read {path} ({reason}).") from None


def _sentence(found: ValidationError, shape: type, where: str) -> str:
    problems = found.errors(include_url=False, include_context=False)
    first = problems[0]
    place = [str(step) for step in first["loc"][1:]]
    if first["type"] == "missing" and not place:
        return f"{where} is empty."
    if first["type"] == "json_invalid" or not first["loc"]:
        return f"{where} is no JSON: {first['msg'].removeprefix('Invalid JSON: ')}."
    if first["type"] in _UNKNOWN:
        keys = sorted(str(one["loc"][-1]) for one in problems if one["type"] in _UNKNOWN)
        inside = ": ".join([where, *place[:-1]])
        return f"Unknown keys {_short.repr(keys)} in {inside}{_allowed(shape, place[:-1])}."
    return f"{': '.join([where, *place])} {complaint(first)}."


def complaint(problem: Any) -> str:
    """Say what is wrong with a value, in the words of a `CirError`; `problem` is pydantic's."""
    words = str(problem["msg"])
    for theirs, ours in _WORDS.items():
        words = words.replace(theirs, ours)
    return (
        words if problem["type"] == "missing" else f"{words}, got {_short.repr(problem['input'])}"
    )


def _allowed(shape: type, place: Sequence[str]) -> str:
    """Say which keys a dataclass has, `place` being the way to it."""
    for step in place:
        shape = get_type_hints(shape).get(step, object) if is_dataclass(shape) else object
    if not is_dataclass(shape):
        return ""
    return f"; allowed are {sorted(field.name for field in fields(shape))}"


def _one_line(found: BaseException) -> str:
    return " ".join(str(found).split())[:200] or type(found).__name__
