from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cir.instruments.families import FAMILIES
from cir.types import FamilyResult, Judgement, Match
from cir.ui.cards import (
    match_card,
    message,
    play_button,
    results_page,
    selected_card,
    sound_address,
)
from cir.ui.judgements import percent
from cir.ui.palette import NO_FAMILY, family_style
from tests.fakes import instrument
from tests.page.database import HOSTILE_NAME


class _Page(HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _match(rank: int, similarity: float, preview: Path | None = Path("/sounds/a b.opus")) -> Match:
    return Match(rank, similarity, instrument(f"bass-{rank}", name=f"Bass {rank}"), preview)


def test_a_card_says_everything_about_a_match() -> None:
    page = _Page(match_card(_match(3, 0.8125)))
    for words in ("3.", "Bass 3", "0.81", "Test", "One", "by Nobody", "CC0-1.0"):
        assert words in page.text
    assert ("button", "gradio_api/file=/sounds/a%20b.opus") in [
        (tag, attributes.get("data-src")) for tag, attributes in page.tags
    ]


def test_names_are_text_and_never_markup() -> None:
    hostile = instrument("bad", name=HOSTILE_NAME, bank="<b>bank</b>")
    match = Match(1, 0.5, hostile, Path('/x" onclick="alert(1)/a.opus'))
    for html in (
        match_card(match, show_family=True),
        selected_card(match, [match]),
        message("<i>", HOSTILE_NAME),
    ):
        page = _Page(html)
        assert "img" not in [tag for tag, _ in page.tags]
        assert not [tag for tag, attributes in page.tags if "onclick" in attributes]
        assert HOSTILE_NAME in page.text


def test_a_match_without_preview_has_no_button() -> None:
    assert "button" not in play_button(None, "Play")
    assert "cir-silent" in match_card(_match(1, 0.9, preview=None))


def test_results_keep_the_order_of_families_and_ranks() -> None:
    results = [
        FamilyResult("synth_lead", tuple(_match(rank, 1 - rank / 10) for rank in (1, 2))),
        FamilyResult("voice", ()),
    ]
    page = _Page(results_page(results, Path("/mix.wav"), 0.4))
    assert [a["data-family"] for tag, a in page.tags if "data-family" in a] == [
        "synth_lead",
        "voice",
    ]
    assert [a["data-instrument"] for tag, a in page.tags if tag == "li"] == ["bass-1", "bass-2"]
    assert "The database has no instrument of this family." in page.text


def test_similarities_beyond_the_meter_stay_inside_it() -> None:
    assert "--share:0.000" in match_card(_match(1, -0.4))
    assert "--share:1.000" in match_card(_match(1, 1.0000001))
    assert "-0.40" in match_card(_match(1, -0.4))


JUDGEMENT = Judgement((0.34, 0.2), 0.34, 0.618, 0.2, is_absent=False, false_alarm_rate=0.1)


def _judged(count: int, judgement: Judgement | None) -> str:
    chance = None if judgement is None else 0.34
    matches = tuple(replace(_match(rank, 0.81), chance=chance) for rank in range(1, count + 1))
    return _Page(results_page([FamilyResult("bass", matches, judgement)], Path("/m"), 0.4)).text


def test_a_card_says_the_chance_before_the_similarity() -> None:
    card = match_card(replace(_match(1, 0.8125), chance=0.342))
    assert _Page(card).text.endswith("34 % chancesimilarity 0.81")
    assert "--share:0.342" in card
    assert "chance" not in match_card(_match(1, 0.8125))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (0.01, "1 %"),
        (0.618, "62 %"),
        (0.99, "99 %"),
        (0.999, ">99 %"),
        (1.0, "100 %"),
    ],
)
def test_percents_never_claim_certainty(share: float, words: str) -> None:
    assert percent(share) == words
    assert f"{words} chance" in _Page(match_card(replace(_match(1, 0.5), chance=share))).text


def test_a_family_says_how_likely_it_is_among_the_five() -> None:
    assert "Chance that it is among these five: 62 %" in _judged(5, JUDGEMENT)
    assert "Chance that it is among the first five: 62 %" in _judged(8, JUDGEMENT)
    assert "among" not in _judged(4, JUDGEMENT)
    assert "Probably not" not in _judged(5, JUDGEMENT)


def test_an_absent_instrument_is_said_to_be_absent_with_the_rate_of_false_alarms() -> None:
    text = _judged(5, replace(JUDGEMENT, is_absent=True))
    assert (
        "Probably not in this database. Said wrongly of 10 % of the instruments in calibration."
        "If it is here after all, chance that it is among these five: 62 %"
    ) in text
    assert "Probably not in this database." in _judged(1, replace(JUDGEMENT, is_absent=True))


def test_without_a_calibration_nothing_speaks_of_chances() -> None:
    text = _judged(5, None)
    assert "chance" not in text.lower()
    assert "similarity is a cosine" in text
    assert "similarity is a cosine" not in _judged(5, JUDGEMENT)


def test_addresses_are_relative_and_quoted() -> None:
    address = sound_address(Path("/a/é#?%.opus"))
    assert address.startswith("gradio_api/file=/a/")
    assert not set("#?é") & set(address)


def test_each_family_looks_like_no_other() -> None:
    styles = [NO_FAMILY, *map(family_style, FAMILIES)]
    assert len({style.symbol for style in styles}) == len(styles)
    assert len({style.colour for style in styles}) == len(styles)


def test_family_colours_stand_out_in_light_and_dark() -> None:
    for family in FAMILIES:
        for background in ("#ffffff", "#1e293b"):
            assert _contrast(family_style(family).colour, background) >= 2.4, (family, background)


def _contrast(colour: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    lighter, darker = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
