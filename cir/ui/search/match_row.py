"""A match as one row of the results; its details open below it, one row at a time."""

from html import escape

from cir.retrieval.answers import percent
from cir.types import Match
from cir.ui.card_actions import action_buttons
from cir.ui.cards import family_tag, instrument_lines, meter, play_button


def match_row(match: Match, *, show_family: bool = False) -> str:
    """Render a match as a list item: play, name and score, A/B; the rest is in the opened part.

    Args:
        match: What was found.
        show_family: Name its family; for lists with several.
    """
    instrument = match.instrument
    name, key = escape(instrument.name), escape(instrument.instrument_id)
    under = (
        family_tag(instrument.family)
        if show_family
        else " &middot; ".join(map(escape, filter(None, (instrument.bank, instrument.category))))
    )
    compare = ""
    if match.preview is not None:
        compare = (
            '<button type="button" class="cir-act cir-compare" data-act="compare" '
            f'aria-label="A/B: compare {name} with your mix at one loudness" '
            'title="Switch between your mix, the instrument alone and this, at one loudness (X)" '
            'aria-pressed="false">A/B</button>'
        )
    drag = "" if match.preview is None else ' draggable="true"'
    return (
        f'<li class="cir-card cir-match" data-instrument="{key}"{drag}>'
        f"{play_button(match.preview, f'Play {instrument.name}')}"
        f'<details name="cir-match"><summary class="cir-row" aria-label="{escape(spoken(match))}">'
        f'<span class="cir-row-name"><span class="cir-name">'
        f'<span class="cir-rank">{match.rank}.</span> {name}</span>'
        f'<span class="cir-meta">{under}</span></span>{_short_score(match)}</summary>'
        f'<div class="cir-open">{instrument_lines(instrument)}{_worth(match)}'
        f"{action_buttons(match, in_results=True)}</div></details>{compare}</li>"
    )


def spoken(match: Match) -> str:
    """Return what a screen reader says of a row: rank, name, bank, and the chance in words."""
    worth = match.likeness if match.chance is None else f"{_in_words(match.chance)} chance"
    return ", ".join(
        filter(None, (f"{match.rank}. {match.instrument.name}", match.instrument.bank, worth))
    )


def _in_words(chance: float) -> str:
    words = percent(chance).replace(" %", " percent")
    return words.replace("<", "less than ").replace(">", "more than ")


def _short_score(match: Match) -> str:
    if match.chance is not None:
        words, share = percent(match.chance), match.chance
    elif match.likeness:
        words, share = match.likeness, match.similarity
    else:
        words, share = f"{match.similarity:.2f}", match.similarity
    kind = "cir-chance" if match.chance is not None else "cir-chance cir-word"
    return f'<span class="cir-score"><b class="{kind}">{escape(words)}</b>{meter(share)}</span>'


def _worth(match: Match) -> str:
    """Render chance and similarity in full."""
    similarity = f"similarity {match.similarity:.2f}"
    if match.chance is not None:
        chance = escape(percent(match.chance))
        return (
            '<div class="cir-meta" title="The chance that it is this very instrument, if the '
            f'database has it">{chance} chance &middot; {similarity}</div>'
        )
    return f'<div class="cir-meta" title="Cosine: 1 is the same sound">{similarity}</div>'
