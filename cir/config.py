"""Configurations: small frozen dataclasses read from YAML, unknown keys refused."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

import yaml

from cir.errors import InputError

T = TypeVar("T")


def load_config(path: str | Path, kind: type[T], overrides: Sequence[str | Path] = ()) -> T:
    """Read a YAML file as a dataclass of type `kind`.

    Args:
        path: The file.
        kind: What to make of it.
        overrides: Further files whose keys take the place of the first one's, each those of the
            files before it; within mappings, key by key.

    Raises:
        InputError: No such file, not YAML, an unknown key or a value of the wrong type.
    """
    values = _read(path)
    for override in overrides:
        values = _merged(values, _read(override))
    return parse_config(values, kind, " with ".join(str(one) for one in (path, *overrides)))


def config_keys(path: str | Path) -> frozenset[str]:
    """The keys at the top of a YAML file: what kind of configuration it is.

    Raises:
        InputError: No such file, or not YAML.
    """
    values = _read(path)
    return frozenset(map(str, values)) if isinstance(values, Mapping) else frozenset()


def _read(path: str | Path) -> object:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read the configuration {path} ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The configuration {path} is not YAML: {error}.") from error


def _merged(first: object, second: object) -> object:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _merged(first[key], value) if key in first else value
    return merged


def parse_config(values: object, kind: type[T], where: str) -> T:
    """Build a dataclass, and the dataclasses inside it, from nested mappings."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where} must be a mapping of keys to values, got {values!r}.")
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"Unknown keys {unknown} in {where}; allowed are {sorted(known)}.")
    hints = get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if is_dataclass(hints[key]):
            value = parse_config(value, hints[key], f"{where}: {key}")
        elif isinstance(value, list):
            value = tuple(value)
        elif get_origin(hints[key]) is tuple:
            raise InputError(f"{where}: {key} must be a list, got {value!r}.")
        elif hints[key] is float and isinstance(value, int):
            value = float(value)
        elif isinstance(hints[key], type) and not isinstance(value, hints[key]):
            raise InputError(
                f"{where}: {key} must be of type {hints[key].__name__}, got {value!r}."
            )
        arguments[key] = value
    try:
        return kind(**arguments)
    except TypeError as error:
        raise InputError(f"{where}: {error}.") from error
