"""Note banks and songs that are not part of the repository: `CIR_DATA`, else `../shared`."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CIR_DATA") or Path(__file__).parent.parent.parent / "shared")
SURGE = SHARED / "surge"
SURGE_XT = SHARED / "surge_xt"

needs_shared = pytest.mark.skipif(
    not SURGE.exists(), reason=f"needs the note bank {SURGE}, which is not part of the repository"
)
