"""Smaller notebooks for tests."""

import os
from typing import TypeVar

_Value = TypeVar("_Value", int, float)


def is_fast() -> bool:
    """Return whether the environment variable `CIR_FAST` is set, and not to 0."""
    return os.environ.get("CIR_FAST", "") not in ("", "0")


def size(full: _Value, fast: _Value) -> _Value:
    """Choose a number of steps, mixtures or instruments.

    Args:
        full: For readers.
        fast: For tests, which check only that everything runs.
    """
    return fast if is_fast() else full
