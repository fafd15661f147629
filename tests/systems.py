"""Marks of tests that some systems cannot run."""

import sys

import pytest

needs_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no fork, and symbolic links for few users only"
)
