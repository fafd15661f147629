"""The pictures: what they are made of, where it can be read off."""

import itertools

import numpy as np
import pytest

from cir.evaluation.report.charts.canvas import to_png
from cir.evaluation.report.charts.conditions import draw_conditions
from cir.evaluation.report.charts.confusion import draw_confusion
from cir.evaluation.report.charts.family_looks import FAMILY_LOOKS, NO_FAMILY, family_look
from cir.evaluation.report.charts.labels import spread
from cir.evaluation.report.charts.rank_curves import Curve, draw_rank_curves
from cir.evaluation.report.charts.reliability import Reliability, draw_reliability
from cir.evaluation.report.charts.standings import Standing, draw_standings
from cir.evaluation.report.charts.timbre_map import draw_map
from cir.instruments.families import FAMILIES
from tests.report_cases import open_set, scores


def test_labels_keep_apart_in_order_and_within_bounds() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        wanted = generator.uniform(0, 100, 8)
        places = np.array(spread(list(wanted), 5.0, 0.0, 100.0))
        rising = np.sort(places)
        assert np.diff(rising).min() > 5.0 - 1e-9
        assert rising[0] >= 0.0 and rising[-1] <= 100.0 + 1e-9
        assert (np.argsort(places) == np.argsort(wanted)).all()


def test_labels_move_no_further_than_they_must() -> None:
    assert spread([10.0, 50.0], 5.0, 0.0, 100.0) == [10.0, 50.0]
    assert spread([50.0, 50.0], 4.0, 0.0, 100.0) == [48.0, 52.0]
    grid = np.arange(7, 19, 0.5)
    wanted = [10.0, 11.0, 14.0]
    best = min(
        (places for places in itertools.product(grid, repeat=3) if np.diff(places).min() >= 3.0),
        key=lambda places: sum((a - b) ** 2 for a, b in zip(places, wanted, strict=True)),
    )
    cost = sum((a - b) ** 2 for a, b in zip(spread(wanted, 3.0, 0, 30), wanted, strict=True))
    assert cost <= sum((a - b) ** 2 for a, b in zip(best, wanted, strict=True))


def test_more_labels_than_room_overflow_upwards_in_order() -> None:
    assert spread([0.0, 0.0, 0.0], 5.0, 0.0, 6.0) == [0.0, 5.0, 10.0]


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
    curves = [Curve(f"method {n} of $many$", {1: 0.1 * n, 10: 0.11 * n}) for n in range(9)]
    figure = draw_rank_curves(curves, Curve("chance", {1: 0.01, 10: 0.1}))
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.texts]
    assert names == [*(curve.name for curve in curves), "chance"]
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
    panel = draw_reliability([Reliability("chance of the top-1", bins, 0.03)]).axes[1]
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
