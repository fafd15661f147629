"""A run whose loss is no number any more learns nothing: it ends, with a sentence."""

import math
from collections.abc import Mapping

from torch import Tensor

from cir.errors import DataError


def check_finite(losses: Mapping[str, Tensor], step: int) -> None:
    """Make sure that every loss is a finite number.

    Raises:
        DataError: One is not.
    """
    wrong = [name for name, value in losses.items() if not math.isfinite(float(value.detach()))]
    if wrong:
        raise DataError(
            f"The loss {wrong[0]} is not a finite number at step {step}: the run was stopped and "
            "its last checkpoint kept. Lower the rates, or look for notes that are not finite."
        )
