from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import ImageColor

from cir.instruments.families import FAMILIES
from cir.retrieval.answers import percent
from cir.types import Match
from cir.ui.cards import match_card, message, play_button, selected_card
from cir.ui.palette import NO_FAMILY, family_style
from cir.ui.search.match_row import match_row, spoken
from cir.ui.search.mixes import Region
from cir.ui.sound_address import sound_address
from tests.fakes import instrument
from tests.page.database import HOSTILE_NAME
from tests.page.html import ParsedPage


def _match(rank: int, similarity: float, preview: Path | None = Path("/sounds/a b.opus")) -> Match:
    return Match(rank, similarity, instrument(f"bass-{rank}", name=f"Bass {rank}"), preview)


def test_a_card_says_everything_about_a_match() -> None:
    page = ParsedPage(match_card(_match(3, 0.8125)))
    for words in ("3.", "Bass 3", "0.81", "Test", "One", "by Nobody", "CC0-1.0"):
        assert words in page.text
    assert "gradio_api/file=/sounds/a%20b.opus" in page.values("data-src")


def test_names_are_text_and_never_markup() -> None:
    hostile = instrument("bad", name=HOSTILE_NAME, bank="<b>bank</b>")
    match = Match(1, 0.5, hostile, Path('/x" onclick="alert(1)/a.opus'))
    card = match_card(match, show_family=True)
    for html in (
        card,
        match_row(match),
        selected_card(match, [match]),
        message("<i>", HOSTILE_NAME),
    ):
        page = ParsedPage(html)
        assert "img" not in [tag for tag, _ in page.tags]
        assert not [tag for tag, attributes in page.tags if "onclick" in attributes]
        assert HOSTILE_NAME in page.text


def test_a_score_is_a_chance_or_a_word_above_the_similarity() -> None:
    plain = _match(1, 0.8125)
    likely = replace(plain, chance=0.342, likeness="very similar")
    assert (
        ParsedPage(match_card(likely)).text.split(" Copy")[0].endswith("34 % chancesimilarity 0.81")
    )
    assert "--share:0.342" in match_row(likely) and "similar<" not in match_row(likely)
    assert "34 % chance \u00b7 similarity 0.81" in ParsedPage(match_row(likely)).text
    assert 'aria-label="1. Bass 1, One, 34 percent chance"' in match_row(likely)
    similar = match_row(replace(plain, likeness="very similar"))
    assert 'aria-label="1. Bass 1, One, very similar"' in similar
    assert "chance" not in ParsedPage(similar + match_card(plain)).text
    assert "less than 1 percent chance" in spoken(replace(plain, chance=0.004))
    assert "--share:1.000" in match_card(_match(1, 1.0000001))
    negative = match_card(_match(1, -0.4))
    assert "--share:0.000" in negative and "-0.40" in negative


def test_percents_never_claim_certainty() -> None:
    shares = (0.0, 0.004, 0.01, 0.618, 0.99, 0.999, 1.0)
    words = ["0 %", "<1 %", "1 %", "62 %", "99 %", ">99 %", "100 %"]
    assert [percent(share) for share in shares] == words
    assert "<1 % chance" in ParsedPage(match_card(replace(_match(1, 0.5), chance=0.004))).text


def test_a_button_plays_a_passage_and_is_missing_where_nothing_can_be_heard() -> None:
    (button, attributes), *_ = ParsedPage(play_button(Path("/m"), "Play", Region(1.5, 12.0))).tags
    assert (button, attributes["data-start"], attributes["data-end"]) == ("button", "1.5", "12")
    assert "button" not in play_button(None, "Play")
    assert "cir-silent" in match_card(_match(1, 0.9, preview=None))


def test_a_card_offers_what_can_be_done_with_its_sounds() -> None:
    match = _match(1, 0.5)
    with_phrase = replace(match, phrase=Path("/sounds/phrase.opus"))
    kept = ("basket", "favourite")
    for shown, acts in (
        (match, ["copy", *kept, "download"]),
        (with_phrase, ["phrase", "copy", *kept, "download"]),
    ):
        assert ParsedPage(match_card(shown)).values("data-act") == acts
    for shown, acts in (
        (match, ["like", "unlike", "copy", *kept, "download", "compare"]),
        (with_phrase, ["phrase", "like", "unlike", "copy", *kept, "download", "compare"]),
        (replace(match, preview=None), ["like", "unlike", "copy", *kept]),
    ):
        assert ParsedPage(match_row(shown)).values("data-act") == acts
    assert 'data-src="gradio_api/file=/sounds/phrase.opus"' in match_card(with_phrase)
    preset = replace(match.instrument, bank="Surge factory", category="Basses")
    page = ParsedPage(match_card(replace(match, instrument=preset)))
    assert page.values("data-path") == ["Factory > Basses > Bass 1"]
    address = sound_address(Path("/a/é#?%.opus"))
    assert address.startswith("gradio_api/file=/a/")
    assert not set("#?é") & set(address)


def test_families_look_different_and_stand_out_in_light_and_dark() -> None:
    styles = [NO_FAMILY, *map(family_style, FAMILIES)]
    assert len({style.symbol for style in styles}) == len(styles)
    assert len({style.colour for style in styles}) == len(styles)
    for family in FAMILIES:
        for background in ("#ffffff", "#1e293b"):
            assert _contrast(family_style(family).colour, background) >= 2.4, (family, background)


def _contrast(*colours: str) -> float:
    """Contrast ratio of WCAG 2."""
    channels = np.array([ImageColor.getrgb(colour) for colour in colours]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminances = linear @ [0.2126, 0.7152, 0.0722] + 0.05
    return float(luminances.max() / luminances.min())
