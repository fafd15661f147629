"""A few of each kind of `benchmarks/hostile_inputs.py`, which makes thousands."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
KINDS = (
    *("audio", "archive of sounds", "names", "labels", "sound font", "preset", "export"),
    *("tables of an export", "tables of a database", "note bank", "configuration"),
    "statistics",
)
EACH = 12


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The script, and its kinds."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        script = importlib.import_module("hostile_inputs")
        made = importlib.import_module("hostile_kinds").kinds(tmp_path_factory.mktemp("k") / "base")
        yield script, made
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_all_kinds_are_tried(hostile: tuple[Any, dict[str, Any]]) -> None:
    assert tuple(hostile[1]) == KINDS


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_hostile_inputs_get_a_sentence(
    hostile: tuple[Any, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    script, made = hostile
    count = script.measure(made[name], name, 1, range(EACH), tmp_path)
    assert (count.inputs, count.tracebacks, count.slow) == (EACH, 0, 0)


def test_what_is_no_sentence_is_counted(
    hostile: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    script, made = hostile

    def fail(path: Path) -> None:
        raise ValueError("not meant for people")

    kind = type(made["audio"])(made["audio"].make, fail)
    assert script.measure(kind, "audio", 1, range(3), tmp_path).tracebacks == 3
