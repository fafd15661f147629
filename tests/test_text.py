import pytest

from cir.text import MAX_LENGTH, clean, one_line
from tests.fakes import instrument


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Kick\r01", "Kick 01"),
        ("a\nb\tc\0d\x85e\u2028f\u2029g", "a b c d e f g"),
        ("  wide\u3000blanks\u00a0", "wide blanks"),
        ("half \ud800 a pair", "half  a pair"),
        ("gnp\u202e.wav", "gnp.wav"),
        ("\ufeffe\u0301", "é"),
        ("ベース_深い", "ベース_深い"),
        ("two  blanks", "two  blanks"),
        ("x" * 10_000, "x" * MAX_LENGTH),
        ("\r\n", ""),
    ],
)
def test_names_are_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert clean(cleaned) == cleaned


def test_a_path_keeps_all_that_a_table_can_keep() -> None:
    path = " Pack/e\u0301\u3000.wav "
    assert one_line(path) == path
    assert one_line("a\rb\ud800") == "a b"


def test_an_instrument_is_clean_wherever_it_comes_from() -> None:
    made = instrument("a", bank=" One\r", name="Flute\u2028 ")
    assert (made.bank, made.name) == ("One", "Flute")
