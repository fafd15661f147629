"""What the configurations of all networks share, and their JSON beside the weights."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

from cir.errors import CheckpointError, InputError
from cir.schema import parse_json, parse_values
from cir.types import SAMPLE_RATE

FORMAT_VERSION = 2


class NetworkConfig(ABC):
    """Sizes of a network. Its siblings are frozen dataclasses."""

    ARCHITECTURE: ClassVar[str]
    """Names the kind of network in the JSON."""

    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: one embedding for the whole mixture."""

    @property
    @abstractmethod
    def embedding_size(self) -> int:
        """Length of an embedding."""

    @property
    @abstractmethod
    def note_samples(self) -> int:
        """Length of a single-instrument clip at 16 kHz."""

    @property
    @abstractmethod
    def mixture_samples(self) -> int:
        """Length of a window over a mixture at 16 kHz."""

    @property
    def note_seconds(self) -> float:
        """Length of a single-instrument clip."""
        return self.note_samples / SAMPLE_RATE

    @property
    def mixture_seconds(self) -> float:
        """Length of a window over a mixture."""
        return self.mixture_samples / SAMPLE_RATE

    def to_json(self) -> str:
        """Return JSON; the same configuration always gives the same text."""
        head = {"format_version": FORMAT_VERSION, "architecture": self.ARCHITECTURE}
        values = asdict(self)  # type: ignore[call-overload]  # every sibling is a dataclass
        return json.dumps({**head, **values}, indent=2) + "\n"

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from the values of `split_json`.

        Raises:
            CheckpointError: A key is unknown, or a value is not what it must be.
        """
        try:
            return parse_values(values, cls, "the model's config.json")
        except InputError as error:
            raise CheckpointError(str(error)) from error


def split_json(text: str | bytes) -> tuple[str, dict[str, Any]]:
    """Return the name of the architecture and the values in what `to_json` wrote.

    Raises:
        CheckpointError: It is not JSON, or made by another version.
    """
    try:
        values = parse_json(text, dict[str, Any], "config.json")
        version = values.pop("format_version")
    except (InputError, KeyError) as error:
        raise CheckpointError(
            "The model's config.json is not one of ours: it must be JSON with a format_version."
        ) from error
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"The model has format version {version!r:.20}, this library reads "
            f"{FORMAT_VERSION}: use the version of cir that made it, or a model that was trained "
            "with this one."
        )
    return str(values.pop("architecture", None))[:60], values
