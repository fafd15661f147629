"""Open sound files: their headers, and their samples block by block."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from cir.types import FloatArray

_MISSING_SECONDS = 0.05
"""Least missing length that is reported; encoders round by less."""


@dataclass(frozen=True)
class SampleBlock:
    """Successive samples of a file."""

    samples: FloatArray
    """(T, channels), at the file's own level."""
    sample_rate: int


class Source(ABC):
    """A sound file that is read once from its beginning."""

    sample_rate: int
    channels: int
    seconds: float | None
    """Length according to the header; None if it gives none, or none that is reliable."""
    is_cut = False
    """The file is known to be cut off."""

    @abstractmethod
    def blocks(self) -> Iterator[SampleBlock]:
        """Decode up to the end, into new memory."""

    def complaints(self, seconds_read: float) -> list[str]:
        """Return sentences on what could not be read."""
        if self.seconds is not None and seconds_read < self.seconds - _MISSING_SECONDS:
            missing = f"{seconds_read:.1f} s of {self.seconds:.1f} s were read"
            return [f"The file is cut off or damaged: {missing}."]
        return [f"The file is cut off: it ends after {seconds_read:.1f} s."] * self.is_cut
