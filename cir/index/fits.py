"""What was fitted for one database: its calibration and its hub cohort."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from cir.index.calibration import Calibration, read_calibration
from cir.index.hubness import HubCohort, read_hubs
from cir.index.likeness import Likeness

_Fit = TypeVar("_Fit", Calibration, HubCohort)


class Fits:
    """The calibration and the hub cohort of one database, each read when it is first asked for.

    Args:
        folder: Of the database.
        identity: Of the model that made it.
        bundled: Folder of the bundled database, whose cohort and words for similarities serve every
            database of the same model that has none of its own.
    """

    def __init__(self, folder: Path, identity: str, bundled: Path) -> None:
        self._folder, self._identity, self._bundled = folder, identity, bundled

    @cached_property
    def calibration(self) -> Calibration | None:
        """The database's own calibration; raises as `InstrumentDatabase.calibration` does."""
        return self._own(read_calibration)

    @cached_property
    def hubs(self) -> HubCohort | None:
        """The cohort that corrects for hubs; raises as `InstrumentDatabase.hubs` does."""
        return self._own(read_hubs) or self._of_bundled(read_hubs)

    def likeness(self, calibration: Calibration | None) -> Likeness:
        """Return the words for similarities; raises as `InstrumentDatabase.likeness` does."""
        fitted = calibration or self._of_bundled(read_calibration)
        return Likeness() if fitted is None else fitted.likeness

    def _own(self, read: Callable[[Path], _Fit | None]) -> _Fit | None:
        fit = read(self._folder)
        if fit is not None:
            fit.check_identity(self._identity)
        return fit

    def _of_bundled(self, read: Callable[[Path], _Fit | None]) -> _Fit | None:
        shipped = read(self._bundled)
        return shipped if shipped is not None and shipped.identity == self._identity else None
