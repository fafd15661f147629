"""Configurations: small frozen dataclasses that check their values, read from YAML."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from cir.errors import CirError, InputError
from cir.schema import complaint, parse_values, read_yaml

T = TypeVar("T")

_IN_WHEEL = Path(__file__).parent / "configs"
PACKAGED_CONFIGS = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parents[1] / "configs"
"""The configurations of this package: in it once it is installed, beside it in the repository."""

Count: TypeAlias = Annotated[int, Field(ge=1)]
Number: TypeAlias = Annotated[int, Field(ge=0)]
Amount: TypeAlias = Annotated[float, Field(ge=0)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def checked(error: type[CirError] = InputError) -> Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass whose values are of the annotated types and in their ranges.

    Types are strict and numbers finite. What depends on several fields is left to `__post_init__`.

    Args:
        error: What a wrong value raises, with one sentence.
    """

    def decorate(cls: type[T]) -> type[T]:
        strict = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
        made: Any = dataclass(frozen=True, config=strict)(cls)
        initialise = made.__init__

        @wraps(initialise)
        def initialise_or_explain(self: T, *args: Any, **values: Any) -> None:
            try:
                initialise(self, *args, **values)
            except ValidationError as found:
                problem = found.errors(include_url=False, include_context=False)[0]
                first, *inside = problem["loc"]
                name = fields(made)[first].name if isinstance(first, int) else first
                place = ": ".join(map(str, (name, *inside)))
                raise error(f"{place} {complaint(problem)}.") from None

        made.__init__ = initialise_or_explain
        checked_class: type[T] = made
        return checked_class

    return decorate


def load_config(path: str | Path, kind: type[T], overrides: Sequence[str | Path] = ()) -> T:
    """Read a YAML file as a dataclass of type `kind`.

    Args:
        path: The file, or the name of one of this package, see `find_config`.
        kind: The dataclass.
        overrides: Further files, whose keys replace those of the files before; nested mappings are
            merged key by key.

    Raises:
        InputError: The file is missing or not YAML, has an unknown key or a wrong value.
    """
    values = read_yaml(find_config(path))
    for override in overrides:
        values = _merge(values, read_yaml(find_config(override)))
    return parse_values(values, kind, " with ".join(str(one) for one in (path, *overrides)))


def find_config(path: str | Path) -> Path:
    """Return the file that a path or a name means.

    Args:
        path: A file, or a configuration of this package: `cir-tiny`, `configs/cir-tiny.yaml`,
            `budgets/small`. A file takes precedence.
    """
    file = Path(path)
    if file.exists() or file.is_absolute():
        return file
    ours = Path(*file.parts[1:]) if file.parts[:1] == ("configs",) else file
    found = PACKAGED_CONFIGS / ours.with_suffix(".yaml")
    return found if found.is_file() else file


def config_keys(path: str | Path) -> frozenset[str]:
    """Return the top-level keys of a YAML file, which tell the kinds of configuration apart.

    Raises:
        InputError: The file is missing or not YAML.
    """
    values = read_yaml(find_config(path))
    return frozenset(map(str, values)) if isinstance(values, Mapping) else frozenset()


def _merge(first: object, second: object) -> object:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _merge(first[key], value) if key in first else value
    return merged
