"""Sound files that are open: what their headers say, and their samples block by block."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from cir.types import FloatArray

_MISSING_SECONDS = 0.05
"""Encoders round the length that they write by less."""


@dataclass(frozen=True)
class Block:
    """Successive samples of a file."""

    samples: FloatArray
    """(T, channels), in the file's own level."""
    sample_rate: int


class Source(ABC):
    """A sound file, read once from its beginning."""

    sample_rate: int
    channels: int
    seconds: float | None
    """How long it is, by its header; None where that says nothing, or nothing to rely on."""
    is_cut = False
    """It is known to break off, wherever that is."""

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Decode up to the end, into new memory, never more than the decoder delivers."""

    def complaints(self, seconds_read: float) -> list[str]:
        """Say what of it was not read, in sentences."""
        if self.seconds is not None and seconds_read < self.seconds - _MISSING_SECONDS:
            missing = f"{seconds_read:.1f} s of {self.seconds:.1f} s were read"
            return [f"The file is cut off or damaged: {missing}."]
        return [f"The file is cut off: it ends after {seconds_read:.1f} s."] * self.is_cut
