"""The pictures: what they are made of, where it can be read off."""

import numpy as np
import pytest

from cir.evaluation.report.charts.canvas import FAMILY_LOOKS, NO_FAMILY, family_look, to_png
from cir.evaluation.report.charts.conditions import draw_conditions
from cir.evaluation.report.charts.confusion import draw_confusion
from cir.evaluation.report.charts.rank_curves import Curve, draw_rank_curves
from cir.evaluation.report.charts.reliability import Reliability, draw_reliability
from cir.evaluation.report.charts.standings import Standing, draw_standings
from cir.evaluation.report.charts.timbre_map import draw_map
from cir.instruments.families import FAMILIES
from tests.report_cases import open_set, scores


def test_families_look_as_on_the_page() -> None:
    from cir.ui.palette import family_style

    for family in (*FAMILIES, None):
        assert family_look(family).colour == family_style(family).colour
    assert len({str(look.marker) for look in FAMILY_LOOKS.values()}) == len(FAMILIES)
    assert family_look("kazoo") == NO_FAMILY


def test_equal_figures_give_equal_bytes() -> None:
    first, second = (to_png(draw_confusion(["a", "b"], [[3, 1], [0, 0]])) for _ in range(2))
    assert first == second


def test_confusion_writes_shares_of_rows_and_counts() -> None:
    (axes,) = draw_confusion(["bass", "voice"], [[995, 5], [0, 0]]).axes
    assert [text.get_text() for text in axes.texts] == ["100", "<1"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bass (1000)", "voice (0)"]


def test_curves_name_every_line_and_chance() -> None:
    curves = [Curve(f"method {n} of $many$", {1: 0.1 * n, 10: 0.11 * n}) for n in range(1, 9)]
    figure = draw_rank_curves(curves, Curve("chance", {1: 0.01, 10: 0.1}))
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [*(curve.name for curve in reversed(curves)), "chance"]  # by accuracy
    assert axes.get_xscale() == "log"
    to_png(figure)


def test_standings_show_the_paper_hollow_and_mark_what_is_missing() -> None:
    rows = [Standing("cir", scores(0.2, 100), (None, None)), Standing("other", None, (14.5, 25.8))]
    (axes,) = draw_standings(rows, (0.01, 0.05)).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["cir", "other (not measured)", "chance"]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [float(np.asarray(line.get_xdata())[0]) for line in hollow] == [14.5, 25.8]


@pytest.mark.parametrize("interval", [True, False])
def test_conditions_that_are_numbers_are_lines(interval: bool) -> None:
    points = [(name, scores(0.2, 100, interval=interval), None) for name in ("-12", "0", "12")]
    (axes,) = draw_conditions("level (dB)", points).axes
    assert list(axes.get_xticks()) == [-12, 0, 12]
    assert axes.get_xlabel() == "level (dB)"


@pytest.mark.parametrize("names", [("clean", "mp3"), ("10",), ("3", "2")])
def test_other_conditions_are_rows(names: tuple[str, ...]) -> None:
    (axes,) = draw_conditions("", [(name, scores(0.2, 100), 0.7) for name in names]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(names)


def test_reliability_skips_empty_bins() -> None:
    bins = open_set()["reliability"]["top_1"]
    panel = draw_reliability([Reliability("chance of the top-1", bins, 0.03)]).axes[0]
    assert np.asarray(panel.lines[1].get_xdata()).tolist() == [20.0]
    assert "ECE 0.030" in panel.get_title(loc="left")


def test_map_has_an_entry_for_each_family_there() -> None:
    families = ["voice", None, "bass", "bass"]
    figure = draw_map(np.arange(8, dtype=np.float32).reshape(4, 2), families)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries == ["bass (2)", "voice (1)", "no family (1)"]
    to_png(figure)
