"""The one switch of the notebooks: fewer steps and sounds, where only their running counts."""

import os
from typing import TypeVar

_Value = TypeVar("_Value", int, float)


def is_fast() -> bool:
    """Whether the environment variable `CIR_FAST` is set, to anything but nothing and 0."""
    return os.environ.get("CIR_FAST", "") not in ("", "0")


def size(full: _Value, fast: _Value) -> _Value:
    """Choose a number of steps, mixtures or instruments.

    Args:
        full: for people, who read figures.
        fast: for tests, which ask only whether everything runs.
    """
    return fast if is_fast() else full
