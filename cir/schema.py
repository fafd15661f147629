"""Reading and checking JSON, YAML, CSV and safetensors from outside.

The shape of a file is a type: a dataclass, or a list or mapping of dataclasses. Types are strict,
numbers are finite, and unknown keys are refused, or ignored in formats of others. A reader gets the
shape or an error of one sentence.
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
"""Errors of reading safetensors if the file is damaged or has an unknown type."""

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
_short = Repr()  # bounds the length of messages
_short.maxstring = _short.maxother = 60


class _TreeLoader(yaml.SafeLoader):
    """YAML without aliases, by which a few lines can expand to billions of values."""

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
        shape: The type of its content.
        where: Name of the text in errors.
        error: Class of the error.
        extra: Whether unknown keys are refused or ignored.

    Raises:
        CirError: The text is not JSON of this shape; of the class `error`.
    """
    try:
        content = text if isinstance(text, bytes) else text.encode()
        # In a list, because pydantic takes no settings for a bare dataclass.
        checked: T = _adapter(cast(Hashable, shape), extra).validate_json(b"[%b]" % content)[0]
        return checked
    except UnicodeEncodeError:
        raise error(f"{where} is not text in UTF-8.") from None
    except ValidationError as found:
        raise error(_sentence(found, shape, where)) from None


def read_json(
    path: Path, shape: type[T], *, error: type[CirError] = InputError, extra: Extra = "forbid"
) -> T:
    """Read a file of JSON as a shape; see `parse_json`.

    Raises:
        CirError: The file cannot be read or is not of this shape; of the class `error`.
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
        raise InputError(f"{where} holds values that cannot be read: {found}.") from None
    return parse_json(text, shape, where)


def read_yaml(path: Path) -> object:
    """Read a file of YAML, without aliases, as plain values.

    Raises:
        InputError: The file cannot be read, is not YAML or is larger than `MAX_YAML_BYTES`.
    """
    content = _read_bytes(path, MAX_YAML_BYTES, InputError)
    try:
        return yaml.load(content, _TreeLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, RecursionError) as found:
        raise InputError(f"{path} is not YAML: {_one_line(found)}.") from None


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV table in UTF-8 with at least some columns.

    Raises:
        DataError: The file cannot be read or is not CSV, a column is missing, or the number of
            fields varies.
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
                        f"{path}, line {reader.line_num}: the row must have as many fields as the "
                        "header."
                    )
                rows.append(row)
            return rows
    except OSError as found:
        raise DataError(f"{path} cannot be read: {found.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as found:
        raise DataError(f"{path} is not CSV in UTF-8: {found}.") from None


def read_table(path: Path, shape: type[T], columns: Sequence[str]) -> list[T]:
    """Read a CSV table, each row as a shape; numbers are parsed.

    Raises:
        DataError: As `read_rows`, or a field does not fit the shape.
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
        CirError: The file cannot be read; of the class `error`.
    """
    try:
        return dict(load_file(path))
    except TENSOR_ERRORS as found:
        raise error(f"{path} cannot be read as safetensors ({_one_line(found)}).") from None


def as_floats(array: NDArray[Any], what: str, *, error: type[CirError] = DataError) -> NDArray[Any]:
    """Convert an array of floats to single precision.

    Raises:
        CirError: The array does not hold floats, or some are not finite; of the class `error`.
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
            raise error(f"{path} is larger than the limit for such files ({limit >> 10:,} KiB).")
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
        return f"{where} is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}."
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
    """List the keys of the dataclass at `place`, a path of keys."""
    for step in place:
        shape = get_type_hints(shape).get(step, object) if is_dataclass(shape) else object
    if not is_dataclass(shape):
        return ""
    return f"; allowed are {sorted(field.name for field in fields(shape))}"


def _one_line(found: BaseException) -> str:
    return " ".join(str(found).split())[:200] or type(found).__name__
