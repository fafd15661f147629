"""Several renders of one instrument, at once where that is much faster."""

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from cir.engines.base import Engine
from cir.errors import EngineError
from cir.types import FloatArray, Note

_logger = logging.getLogger(__name__)


@runtime_checkable
class TakesEngine(Protocol):
    """An engine that renders several takes for little more than one of them costs."""

    def render_takes(
        self, takes: Sequence[Sequence[Note]], duration_seconds: float, sample_rate: int
    ) -> list[FloatArray | None]:
        """Return for each take what `Engine.render` returns; None for one that cannot be played.

        Raises:
            InputError: As `Engine.render`.
            EngineError: The engine is not installed, or cannot play this instrument.
        """


def render_takes(
    engine: Engine, takes: Sequence[Sequence[Note]], duration_seconds: float, sample_rate: int
) -> list[FloatArray | None]:
    """Render takes, the notes of each from a fresh start; see `Engine.render`.

    Returns:
        A waveform for each take; None for one that cannot be played, which is logged.

    Raises:
        InputError: A note, the duration or the sample rate is out of range.
        EngineError: The engine is not installed, or its process ended.
    """
    if isinstance(engine, TakesEngine):
        return engine.render_takes(takes, duration_seconds, sample_rate)
    return list(_one_by_one(engine, takes, duration_seconds, sample_rate))


def _one_by_one(
    engine: Engine, takes: Sequence[Sequence[Note]], duration_seconds: float, sample_rate: int
) -> Iterator[FloatArray | None]:
    for notes in takes:
        try:
            yield engine.render(notes, duration_seconds, sample_rate)
        except EngineError as error:  # NaN or infinite samples, or a damaged file
            _logger.warning("Notes are left out: %s", error)
            yield None
