from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cir.index.filters import Filters
from cir.retrieval.answers import MatchGroup
from cir.retrieval.windows import WindowEmbeddings
from cir.types import FamilyResult, Judgement, Match
from cir.ui.search.likeness import Likeness
from cir.ui.search.mixes import Region
from cir.ui.search.results import level_list, results_page
from cir.ui.service import Answer
from tests.fakes import instrument
from tests.page.html import ParsedPage

CHANCES = (0.34, 0.1, 0.1, 0.05, 0.03)
JUDGEMENT = Judgement(0.2, False, 0.1, chances=CHANCES, top_1=0.34, top_5=0.618)


def _match(rank: int, chance: float | None = None) -> Match:
    return Match(rank, 0.81, instrument(f"bass-{rank}"), Path("/a.opus"), chance)


def _answer(*results: FamilyResult) -> Answer:
    windows = WindowEmbeddings((), (), np.zeros(0), np.zeros((0, 0, 4), np.float32))
    groups = tuple(tuple(map(MatchGroup, result.matches)) for result in results)
    mix, region = Path("/mix.wav"), Region(2.0, 8.0)
    return Answer(results, {}, 0.4, groups, mix, windows, Filters(), region)


def _family(count: int, judgement: Judgement | None = None) -> FamilyResult:
    known = () if judgement is None else judgement.chances
    chances: Sequence[float | None] = [*known] * 2 or [None] * 9
    matches = [_match(rank, chances[rank - 1]) for rank in range(1, count + 1)]
    return FamilyResult("bass", tuple(matches), judgement)


def _judged(count: int, judgement: Judgement | None) -> str:
    return ParsedPage(results_page(_answer(_family(count, judgement)))).text


def test_results_keep_the_order_of_families_and_ranks() -> None:
    lead = replace(_family(2), family="synth_lead")
    page = ParsedPage(results_page(_answer(lead, FamilyResult("voice", ()))))
    assert page.values("data-family") == ["synth_lead", "voice"]
    assert page.values("data-instrument") == ["bass-1", "bass-2"]
    assert "No instrument of this family." in page.text
    assert "found in 0.4 s" in page.text
    answer = replace(_answer(FamilyResult("bass", ())), filters=Filters("<Bank>", "surge"))
    text = ParsedPage(results_page(answer)).text
    for words in ("only <Bank>", "only surge", "No instrument of this family that passes the f"):
        assert words in text


def test_families_still_to_come_have_their_place() -> None:
    waiting = replace(_answer(_family(1)), waiting=("organ", "voice"))
    page = ParsedPage(results_page(waiting))
    assert page.values("data-family") == ["bass", "organ", "voice"]
    assert page.values("aria-busy") == ["true", "true"]
    assert "searching" in page.text
    # The mix plays the passage that was searched.
    assert (page.values("data-start"), page.values("data-end")) == (["2"], ["8"])


def test_near_duplicates_fold_away_behind_the_first() -> None:
    family = _family(5, JUDGEMENT)
    first, second, third, *rest = family.matches
    groups = (MatchGroup(first, (third,)), MatchGroup(second), *map(MatchGroup, rest))
    page = ParsedPage(results_page(replace(_answer(family), groups=(groups,))))
    assert page.values("data-instrument") == ["bass-1", "bass-3", "bass-2", "bass-4", "bass-5"]
    assert page.text.index("and 1 near-duplicate") < page.text.index("3.Bass 3".replace(".", ". "))
    assert "Chance that it is among these five: 62 %" in page.text
    assert "4 most similar" in page.text


def test_more_like_one_takes_the_place_of_its_family() -> None:
    answer = _answer(_family(3), replace(_family(1), family="organ"))
    groups = (MatchGroup(_match(7)), MatchGroup(_match(8)))
    likenesses = {"bass": Likeness((_match(0),), (), groups)}
    page = ParsedPage(results_page(answer, likenesses=likenesses))
    assert page.values("data-instrument") == ["bass-0", "bass-7", "bass-8", "bass-1"]
    assert page.values("data-act").count("back") == 1


def test_families_that_were_not_looked_for_are_one_click_away() -> None:
    answer = _answer(_family(1))
    windows = replace(answer.windows, families=("bass", "organ"))
    page = ParsedPage(results_page(replace(answer, windows=windows)))
    assert (page.values("data-value"), page.values("data-act")[-1]) == (["organ"], "family")
    assert "organ" not in results_page(replace(answer, windows=windows, waiting=("voice",)))


def test_a_family_says_how_likely_it_is_among_the_five_or_that_it_is_absent() -> None:
    known = _judged(5, JUDGEMENT)
    assert "among these five: 62 %" in known
    assert "Probably not" not in known and "similarity is a cosine" not in known
    assert "among the first five: 62 %" in _judged(8, JUDGEMENT)
    assert "among" not in _judged(4, JUDGEMENT)
    for count in (1, 5):
        text = _judged(count, Judgement(0.8, True, 0.1))
        assert "Probably not in this database. In calibration, this was wrong for 10 % of" in text
        assert "hance" not in text
    uncalibrated = _judged(5, None)
    assert "chance" not in uncalibrated.lower()
    assert "similarity is a cosine" in uncalibrated


def test_levels_name_what_is_known() -> None:
    for mix, shown in ((-14.257, ["-14.26"]), (None, [])):
        page = ParsedPage(level_list(mix, {"a&b": -20.0, "unreadable": None}))
        found = [page.values(name) for name in ("data-mix", "value", "data-of")]
        assert found == [shown, ["-20.00"], ["a&b"]]
