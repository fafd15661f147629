"""Configurations: small frozen dataclasses read from YAML, unknown keys refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cir.errors import InputError
from cir.schema import parse_values, read_yaml

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
    values = read_yaml(Path(path))
    for override in overrides:
        values = _merged(values, read_yaml(Path(override)))
    return parse_config(values, kind, " with ".join(str(one) for one in (path, *overrides)))


def config_keys(path: str | Path) -> frozenset[str]:
    """The keys at the top of a YAML file: what kind of configuration it is.

    Raises:
        InputError: No such file, or not YAML.
    """
    values = read_yaml(Path(path))
    return frozenset(map(str, values)) if isinstance(values, Mapping) else frozenset()


def _merged(first: object, second: object) -> object:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _merged(first[key], value) if key in first else value
    return merged


def parse_config(values: object, kind: type[T], where: str) -> T:
    """Build a dataclass, and the dataclasses inside it, from nested mappings."""
    try:
        return parse_values(values, kind, where)
    except TypeError as error:  # of a dataclass that checks what it holds
        raise InputError(f"{where}: {error}.") from error
