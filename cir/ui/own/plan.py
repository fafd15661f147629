"""The table of what will be added: names, folders and families, before anything is embedded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape

from cir.errors import InputError
from cir.instruments.families import FAMILIES, check_families, family_label
from cir.library.plan import Plan
from cir.types import Instrument

_SHOWN = 200
"""Sounds of a folder that are listed one by one."""
_MAX_REASONS = 100
MIXED = "mixed"
"""Value of a folder's choice where its sounds have different families."""


@dataclass(frozen=True)
class Review:
    """A plan, and the families that the visitor chose in it."""

    plan: Plan
    chosen: Mapping[str, str | None] = field(default_factory=dict)
    """By id: a family, or None to have it guessed from the sound."""
    archives: tuple[str, ...] = ()
    """Exported libraries, which are taken in as they are."""

    def family(self, instrument: Instrument) -> str | None:
        """Return the family that an instrument will have."""
        return self.chosen.get(instrument.instrument_id, instrument.family)

    def groups(self) -> dict[tuple[str, str], list[Instrument]]:
        """Return the instruments by bank and category, in the order of the files."""
        found: dict[tuple[str, str], list[Instrument]] = {}
        for one in self.plan.instruments:
            found.setdefault((one.bank, one.category), []).append(one)
        return found

    def choose(self, what: str, family: str | None) -> "Review":
        """Return the review with another family of one sound or of one folder.

        Args:
            what: An id, or `group:NUMBER`.
            family: A slug; None to guess it from the sound.

        Raises:
            InputError: There is no such sound, folder or family.
        """
        if family is not None:
            (family,) = check_families([family])
        groups = list(self.groups().values())
        kind, _, number = what.partition(":")
        if kind == "group" and number.isdecimal() and int(number) < len(groups):
            ids = [one.instrument_id for one in groups[int(number)]]
        else:
            ids = [one.instrument_id for one in self.plan.instruments if one.instrument_id == what]
        if not ids:
            raise InputError("This sound is not in the list any more; choose the files again.")
        return replace(self, chosen={**self.chosen, **dict.fromkeys(ids, family)})

    def with_families(self, families: Mapping[str, str | None]) -> "Review":
        """Choose families by engine reference, as `changes` returns them."""
        known = {
            one.instrument_id: families[one.engine]
            for one in self.plan.instruments
            if one.engine in families
        }
        return replace(self, chosen={**self.chosen, **known})

    def changes(self) -> dict[str, str | None]:
        """Return the families that differ from those that the names say, by engine reference.

        Ids are those that the sounds would have alone: others may be taken when they are added.
        """
        return {
            one.engine: self.family(one)
            for one in self.plan.instruments
            if self.family(one) != one.family
        }


def review_table(review: Review | None) -> str:
    """Render the sounds by folder, each with its family to change, and what is left out."""
    if review is None:
        return ""
    sounds = review.plan.instruments
    rows = "".join(
        _folder(number, bank, category, ones, review)
        for number, ((bank, category), ones) in enumerate(review.groups().items())
    )
    count = "1 sound" if len(sounds) == 1 else f"{len(sounds):,} sounds"
    hint = ""
    if sounds:
        hint = (
            ", as listed here. A family comes from folders and names; change it where it is wrong. "
            "Without one it is guessed from the sound."
        )
    if review.archives:
        names = ", ".join(map(escape, review.archives))
        count = f"{count} and the exported sounds of {names}" if sounds else f"Exported: {names}"
    title = f'<p class="cir-own-chosen" role="status"><b>{count} ready to add</b>{hint}</p>'
    table = f'<ul class="cir-list cir-plan">{rows}</ul>' if rows else ""
    return f"{title}{table}{_refused(review.plan.refused)}"


def _folder(number: int, bank: str, category: str, ones: list[Instrument], review: Review) -> str:
    place = " / ".join(dict.fromkeys(filter(None, (bank, category))))
    families = {review.family(one) for one in ones}
    value = (families.pop() or "") if len(families) == 1 else MIXED
    sounds = "".join(_sound(one, review.family(one)) for one in ones[:_SHOWN])
    rest = len(ones) - _SHOWN
    more = f'<li class="cir-hint">and {rest:,} more</li>' if rest > 0 else ""
    count = "1 sound" if len(ones) == 1 else f"{len(ones):,} sounds"
    return (
        f'<li class="cir-plan-folder"><div class="cir-plan-row"><span class="cir-name">'
        f"{escape(place)}</span>{_choice(f'group:{number}', value, f'Family for {place}')}</div>"
        f"<details><summary>{count}</summary>"
        f'<ul class="cir-list">{sounds}{more}</ul></details></li>'
    )


def _sound(one: Instrument, family: str | None) -> str:
    by = f'<span class="cir-meta"> by {escape(one.author)}</span>' if one.author else ""
    choice = _choice(one.instrument_id, family or "", f"Family for {one.name}")
    return f'<li class="cir-plan-row"><span>{escape(one.name)}{by}</span>{choice}</li>'


def _choice(what: str, value: str, label: str) -> str:
    choices = [("", "From its sound"), *((slug, family_label(slug)) for slug in FAMILIES)]
    if value == MIXED:
        choices.insert(0, (MIXED, "Several"))
    options = "".join(
        f'<option value="{slug}"{" selected" if slug == value else ""}>{words}</option>'
        for slug, words in choices
    )
    return (
        f'<select data-what="{escape(what)}" data-family="{value}" aria-label="{escape(label)}">'
        f"{options}</select>"
    )


def _refused(reasons: tuple[str, ...]) -> str:
    if not reasons:
        return ""
    items = "".join(f"<li>{escape(one)}</li>" for one in reasons[:_MAX_REASONS])
    rest = len(reasons) - _MAX_REASONS
    more = f"<li>and {rest:,} more</li>" if rest > 0 else ""
    count = "1 file" if len(reasons) == 1 else f"{len(reasons):,} files"
    return (
        f'<details class="cir-own-report" open><summary>{count} will be left out</summary>'
        f"<ul>{items}{more}</ul></details>"
    )
