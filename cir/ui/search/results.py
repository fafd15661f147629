"""HTML of the results: a bar, and a list of cards for each family."""

from collections.abc import Mapping, Sequence
from html import escape

from cir.index.filters import ANY
from cir.instruments.families import family_label
from cir.retrieval.answers import ABSENT, MatchGroup, among_five, false_alarms
from cir.types import FamilyResult
from cir.ui.card_actions import KEYS
from cir.ui.cards import instrument_facts, play_button
from cir.ui.icons import EAR
from cir.ui.palette import family_style
from cir.ui.search.likeness import Likeness, likeness_head
from cir.ui.search.match_row import match_row
from cir.ui.service import Answer, Truth


def truth_panel(truths: Sequence[Truth | None]) -> str:
    """Render the instruments of an example, collapsed.

    Args:
        truths: None for each instrument whose family was not searched.
    """
    items = "".join(map(_item, truths))
    return (
        '<details class="cir-truth"><summary>Show what really is in this mix</summary>'
        "<p>The instruments of this mix, and how the search ranked each among all of its "
        f'family.</p><ul class="cir-list">{items}</ul></details>'
    )


def _item(truth: Truth | None) -> str:
    if truth is None:
        return (
            '<li class="cir-card"><div></div><div class="cir-meta">One more, of a family that was '
            "not searched.</div></li>"
        )
    match = truth.match
    return (
        f'<li class="cir-card" data-instrument="{escape(match.instrument.instrument_id)}">'
        f"{instrument_facts(match.instrument, match.preview)}"
        f'<div class="cir-score"><span class="cir-found">ranked {match.rank} '
        f"of {truth.candidates}</span></div></li>"
    )


def results_page(
    answer: Answer,
    *,
    likenesses: Mapping[str, Likeness] | None = None,
) -> str:
    """Render all families, under a bar that plays the mix for comparison.

    Args:
        answer: What is found so far.
        likenesses: By family, what is shown in place of its matches.
    """
    shown = likenesses or {}
    sections = "".join(
        _likeness_section(result.family, shown[result.family])
        if result.family in shown
        else family_section(result, groups, filtered=answer.filters != ANY)
        for result, groups in zip(answer.results, answer.groups, strict=True)
    )
    sections += "".join(map(_waiting_section, answer.waiting))
    more = "" if answer.waiting else _other_families(answer)
    return f'{_bar(answer)}<div class="cir-families">{sections}</div>{more}'


def _other_families(answer: Answer) -> str:
    """Render a button for each family that was not looked for."""
    others = [one for one in answer.windows.families if one not in answer.families]
    if not others:
        return ""
    buttons = "".join(
        f'<button type="button" class="cir-act" data-act="family" data-value="{family}" '
        f'style="--family:{family_style(family).colour}"><span class="cir-dot"></span>'
        f"{escape(family_label(family))}</button>"
        for family in others
    )
    return (
        '<div class="cir-others" role="group" aria-label="Look for another family">'
        f"<span>Look also for</span>{buttons}</div>"
    )


def _bar(answer: Answer) -> str:
    """Render heading, player of the mix, duration of the search and keys."""
    if any(result.judgement and result.judgement.chances for result in answer.results):
        key = "chance: the probability that it is the very instrument, if the database has it"
    else:
        key = "similarity is a cosine: 1 is the same sound to the model, 0 is unrelated"
    took = f"found in {answer.seconds:.1f} s" if not answer.waiting else "searching"
    only = "".join(f" &middot; only {escape(words)}" for words in answer.filters.in_words())
    keys = "".join(f"<span><kbd>{key}</kbd> {what}</span>" for key, what in KEYS)
    note = f'<p class="cir-hint">{escape(answer.note)}</p>' if answer.note else ""
    listen = ""
    if answer.mix is not None:  # None: the answer was opened from a link
        mix = play_button(answer.mix, "Play your mix", answer.region)
        listen = f'<span class="cir-listen" data-mix>{mix} Your mix</span>'
    return (
        '<div class="cir-bar"><h2>Most similar instruments</h2>'
        f'{listen}<span class="cir-muted">{took}{only} &middot; {key}</span></div>'
        f'<p class="cir-keys" aria-label="Keys">{keys}</p>'
        f"{note}"
    )


def family_section(
    result: FamilyResult, groups: Sequence[MatchGroup], *, filtered: bool = False
) -> str:
    """Render one family's matches."""
    if groups:
        cards = "".join(_group_item(group) for group in groups)
        body = f'{_judgement_lines(result)}<ol class="cir-list">{cards}</ol>'
        count = f"{len(groups)} most similar"
    else:
        with_filters = " that passes the filters" if filtered else ""
        body = f'<p class="cir-hint">No instrument of this family{with_filters}.</p>'
        count = "none"
    return _section(result.family, count, body, _hear_button(result.family))


def _hear_button(family: str) -> str:
    label = escape(family_label(family))
    return (
        '<button type="button" class="cir-act cir-hear" data-act="hear" aria-pressed="false" '
        f'aria-label="Hear the {label.lower()} of your mix alone" '
        f'title="Hear what the model takes for {label.lower()} in your mix (B)">'
        f"{EAR} Hear it</button>"
    )


def _section(family: str, count: str, body: str, action: str = "") -> str:
    label = escape(family_label(family))
    return (
        f'<section class="cir-family" data-family="{family}" '
        f'style="--family:{family_style(family).colour}" aria-label="{label}">'
        f'<div class="cir-family-head"><h3><span class="cir-dot"></span>{label}</h3>'
        f'<span class="cir-count">{count}</span>{action}</div>{body}</section>'
    )


def _waiting_section(family: str) -> str:
    return _section(family, "searching", '<p class="cir-hint" aria-busy="true">\u2026</p>')


def _group_item(group: MatchGroup, *, show_family: bool = False) -> str:
    """Render a match with its near-duplicates, collapsed."""
    card = match_row(group.match, show_family=show_family)
    if not group.duplicates:
        return card
    count = len(group.duplicates)
    words = f"and {count} near-duplicate{'s' if count > 1 else ''}"
    others = "".join(match_row(one, show_family=show_family) for one in group.duplicates)
    return (
        f'{card}<li class="cir-twins"><details><summary>{words}</summary>'
        f'<ul class="cir-list">{others}</ul></details></li>'
    )


def _judgement_lines(result: FamilyResult) -> str:
    """Render the judgement of a family's matches; nothing if it is not calibrated."""
    judgement = result.judgement
    if judgement is None:
        return ""
    banner = ""
    if judgement.is_absent:
        banner = (
            f'<p class="cir-absent" role="note"><b>{ABSENT}</b> '
            f"{escape(false_alarms(judgement))}</p>"
        )
    among = among_five(result)
    return f'{banner}<p class="cir-among">{escape(among)}</p>' if among else banner


def _likeness_section(family: str, likeness: Likeness) -> str:
    """Render the instruments like those that the visitor chose, with a button back."""
    rows = "".join(
        _group_item(group, show_family=bool(likeness.liked)) for group in likeness.groups
    )
    near = f'<ol class="cir-list">{rows}</ol>' if rows else '<p class="cir-hint">None.</p>'
    title = "more like this" if likeness.liked else "less like that"
    return _section(family, title, f"{likeness_head(likeness)}{near}")


def level_list(mix: float | None, levels: Mapping[str, float | None]) -> str:
    """Render loudness in LUFS, of the mix and of sounds by address, for `static/player.js`."""
    known = {address: level for address, level in levels.items() if level is not None}
    items = "".join(
        f'<data value="{level:.2f}" data-of="{escape(address)}"></data>'
        for address, level in known.items()
    )
    reference = "" if mix is None else f' data-mix="{mix:.2f}"'
    return f'<div class="cir-levels"{reference}>{items}</div>'
