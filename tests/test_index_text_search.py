import numpy as np
import pytest

from cir.index.text_search import TextIndex, match_text, words_of
from cir.types import Instrument


def _row(name: str, **texts: str) -> Instrument:
    told = {"category": "", "bank": "B", "author": "", **texts}
    return Instrument(
        instrument_id=name.lower().replace(" ", "-") or "x",
        name=name,
        family=told.get("family"),
        category=told["category"],
        bank=told["bank"],
        author=told["author"],
        licence="",
        source="samples",
        engine="samples:x",
    )


ROWS = [
    _row("Deep Sub Bass", family="bass"),
    _row("Growl", category="Basses", author="Zoë Müller"),
    _row("Distortion Lead", family="synth_lead"),
    _row("Contrabass", family="strings"),
    _row("---", bank="!"),
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("bass", ["Deep Sub Bass", "Growl", "Contrabass"]),
        ("BASS deep", ["Deep Sub Bass"]),
        ("muller", ["Growl"]),
        ("mulelr", ["Growl"]),  # two letters exchanged
        ("distrotoin", ["Distortion Lead"]),  # two errors in a long word
        ("dsito", ["Distortion Lead"]),  # the start of a word, misspelt
        ("subbass", ["Deep Sub Bass"]),
        ("synth lead", ["Distortion Lead"]),
        ("bss", []),  # too short for an error
        ("bass nothing", []),
        ("", [row.name for row in ROWS]),
        (" - ", [row.name for row in ROWS]),
    ],
)
def test_words_are_found_where_they_stand_and_misspelt(query: str, names: list[str]) -> None:
    scores = match_text(query, ROWS)
    assert [row.name for row, score in zip(ROWS, scores, strict=True) if score > 0] == names
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_word_as_it_is_in_the_name_comes_first() -> None:
    scores = match_text("bass", ROWS)
    assert scores[0] == 1.0 > scores[1] > scores[3] > 0


def test_one_index_answers_as_the_function_does() -> None:
    index = TextIndex(ROWS)
    for query in ("bass", "distrotion", "zoe"):
        np.testing.assert_array_equal(index.match(query), match_text(query, ROWS))
    assert match_text("bass", []).shape == (0,)


def test_letters_lose_case_and_accents() -> None:
    assert words_of("Zoë's_Pad-2 ÉTÉ") == ["zoe", "s", "pad", "2", "ete"]
