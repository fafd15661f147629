"""The sounds of ../shared, which a clone on its own does not have."""

from pathlib import Path

import pytest

SURGE = Path(__file__).parent.parent.parent / "shared" / "surge"
SURGE_XT = SURGE.with_name("surge_xt")

needs_shared = pytest.mark.skipif(
    not SURGE.exists(), reason=f"needs the note bank {SURGE}, which is not part of the repository"
)
