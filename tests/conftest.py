"""What all tests share: the order in which they start."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests, the notebooks, first: no worker waits for one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("notebook") is None)
