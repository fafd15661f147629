"""What a database holds, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cir.index.bundle import Bundle
from cir.index.calibration import Calibration


@dataclass(frozen=True)
class DatabaseInfo:
    """What a database holds."""

    path: Path
    identity: str
    """Of the model that made the embeddings."""
    dimension: int
    n_instruments: int
    sources: dict[str, int]
    """Instruments per source; all counts are in falling order."""
    families: dict[str, int]
    """Instruments per family; those without are counted as `none`."""
    banks: dict[str, int]
    map_trustworthiness: float | None
    calibration: str | None
    """What the chances of matches were fitted on; None where there are none."""

    @classmethod
    def of(cls, bundle: Bundle, calibration: Calibration | None) -> "DatabaseInfo":
        """Count the instruments of a bundle."""
        return cls(
            path=bundle.folder,
            identity=bundle.header.identity,
            dimension=bundle.header.dimension,
            n_instruments=len(bundle.catalog),
            sources=_count(row.source for row in bundle.catalog),
            families=_count(row.family or "none" for row in bundle.catalog),
            banks=_count(row.bank for row in bundle.catalog),
            map_trustworthiness=bundle.header.map_trustworthiness,
            calibration=None if calibration is None else calibration.about,
        )


def _count(values: Iterable[str]) -> dict[str, int]:
    counted = Counter(values)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
