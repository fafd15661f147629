from pathlib import Path

import pytest

from cir.ui.search.examples import Example, ExamplePart
from cir.ui.search.shared_link import SharedSearch, read_link

EXAMPLES = [
    Example("One", Path("/1.flac"), (ExamplePart("bass", "a"), ExamplePart("piano", "b"))),
    Example("Two", Path("/2.flac"), (ExamplePart("organ", "c"),)),
]


def _read(**query: object) -> SharedSearch | None:
    return read_link(query, EXAMPLES, {"bass", "piano", "organ"}, {"B"}, {"surge"})


def test_an_address_fills_the_form() -> None:
    assert _read(
        example="1", families="piano,bass", top_k="7", bank="B", source="surge"
    ) == SharedSearch(0, ["piano", "bass"], 7, "B", "surge")


def test_what_it_does_not_say_is_as_the_example_has_it() -> None:
    assert _read(example="2") == SharedSearch(1, ["organ"])


@pytest.mark.parametrize("example", ["", "0", "3", "-1", "1.5", "one", "\u0661", None])
def test_an_example_that_is_not_there_opens_nothing(example: object) -> None:
    assert _read(example=example, families="bass") is None
    assert _read(families="bass") is None


def test_nonsense_is_left_out() -> None:
    found = _read(
        example=1, families="kazoo,bass,bass,<b>", top_k="900", bank="nobody's", source=["surge"]
    )
    assert found == SharedSearch(0, ["bass"])
