from pathlib import Path

import pytest

from cir.ui.search.examples import Example, ExamplePart
from cir.ui.search.mix_input import SharedSearch, read_link

EXAMPLES = [
    Example("One", Path("/1.flac"), (ExamplePart("bass", "a"), ExamplePart("piano", "b"))),
    Example("Two", Path("/2.flac"), (ExamplePart("organ", "c"),)),
]
FULL = {
    "families": "piano,bass",
    "top_k": "7",
    "text": "warm",
    "bank": "B",
    "source": "surge",
    "brightness": "-35",
}
FILTERS = ("warm", "B", "surge", "", -35.0, 0.0, 0.0)
ANY = ("", "", "", "", 0.0, 0.0, 0.0)
NONSENSE = {
    "families": "kazoo,bass,bass,<b>",
    "top_k": "900",
    "bank": "x",
    "source": ["surge"],
    "licence": "none",
    "attack": "1e9",
    "noisiness": "-96",
}
KNOWN = {
    "bank": frozenset({"B"}),
    "source": frozenset({"surge"}),
    "licence": frozenset({"CC0-1.0"}),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"example": "1", **FULL}, SharedSearch(0, ["piano", "bass"], 7, FILTERS)),
        ({"example": "2"}, SharedSearch(1, [], None, ANY)),
        ({"example": 1, **NONSENSE}, SharedSearch(0, ["bass"], None, ANY)),
        (FULL, None),
        *[({"example": one, **FULL}, None) for one in ("", "0", "3", "-1", "1.5", "one", "\u0661")],
        ({"example": None, **FULL}, None),
    ],
)
def test_an_address_fills_the_form(query: dict[str, object], expected: SharedSearch | None) -> None:
    assert read_link(query, EXAMPLES, {"bass", "piano", "organ"}, KNOWN) == expected
