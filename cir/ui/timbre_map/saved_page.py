"""The timbre map as a Plotly figure, to take home: stored coordinates, one trace per family.

The page draws its own map (`static/map*.js`), which one can hear; this one is for notebooks and
files.
"""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from cir.instruments.families import FAMILIES, family_label
from cir.types import Instrument
from cir.ui.palette import family_style
from cir.ui.service import Answer, PageService

MAX_SVG_POINTS = 4000
"""Up to here points are SVG, which every browser draws and clicks well; beyond, WebGL."""

_HOVER = (
    "<b>%{customdata[1]}</b><br>%{fullData.name}, %{customdata[2]}<br>by %{customdata[3]}"
    "<extra></extra>"
)
_TITLE = "Timbre map: points close together sound alike; the axes mean nothing"
_GREY = "#767b86"
_SIGN_DISTANCE = 70
"""From a star to its sign, in pixels."""


def timbre_figure(service: PageService, answer: Answer | None = None) -> go.Figure:
    """Draw every instrument of the database and, where there was a search, its queries.

    A query lies at the weighted mean of its nearest neighbours; lines lead to its matches, which
    are its true neighbours whatever the flat picture says.

    Args:
        service: the database, which must have a map.
        answer: the visitor's last search.
    """
    figure = go.Figure()
    marker_trace = go.Scatter if len(service.instruments) <= MAX_SVG_POINTS else go.Scattergl
    for family in (*FAMILIES, None):
        rows = [row for row, one in enumerate(service.instruments) if one.family == family]
        if rows:
            figure.add_trace(_family_trace(marker_trace, family, rows, service, answer))
    if answer is not None:
        for family in answer.queries:
            _add_query(figure, family, answer, service)
    hidden = {"visible": False, "fixedrange": False}
    figure.update_layout(
        template="none",
        title={"text": _TITLE, "font": {"size": 15}},
        autosize=True,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _GREY, "size": 13, "family": "system-ui, sans-serif"},
        xaxis=hidden,
        yaxis={**hidden, "scaleanchor": "x"},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"orientation": "h", "yanchor": "top", "y": -0.02, "itemsizing": "constant"},
        hoverlabel={
            "align": "left",
            "bgcolor": "#1e293b",
            "bordercolor": "#94a3b8",
            "font": {"color": "#ffffff", "size": 13},
        },
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": _GREY,
            "activecolor": "#6366f1",
            "remove": ["select2d", "lasso2d", "zoom2d", "autoScale2d"],
        },
        hovermode="closest",
        dragmode="pan",
    )
    return figure


def timbre_page(service: PageService, answer: Answer | None = None) -> str:
    """Render the figure as a page of its own, which needs no network and no other file."""
    page: str = timbre_figure(service, answer).to_html(
        include_plotlyjs=True, config={"displaylogo": False, "scrollZoom": True}
    )
    return page


def _family_trace(
    kind: type[go.Scatter] | type[go.Scattergl],
    family: str | None,
    rows: Sequence[int],
    service: PageService,
    answer: Answer | None,
) -> go.Scatter | go.Scattergl:
    style = family_style(family)
    places = [service.position(service.instruments[row].instrument_id) for row in rows]
    asked = answer is None or family in answer.queries
    return kind(
        x=[round(x, 3) for x, _ in places],
        y=[round(y, 3) for _, y in places],
        mode="markers",
        name="No family" if family is None else family_label(family),
        marker={
            "color": style.colour,
            "symbol": style.symbol,
            "size": 8,
            "opacity": 0.75 if asked else 0.3,
            "line": {"width": 0.5, "color": "rgba(128,128,128,0.6)"},
        },
        customdata=[_facts(service.instruments[row]) for row in rows],
        hovertemplate=_HOVER,
    )


def _facts(instrument: Instrument) -> list[str]:
    """List what a point says: id, name, bank, author."""
    return [instrument.instrument_id, instrument.name, instrument.bank, instrument.author]


def _add_query(figure: go.Figure, family: str, answer: Answer, service: PageService) -> None:
    """Add one query: a large star with a sign, rings round its matches, lines between."""
    matches = next(result.matches for result in answer.results if result.family == family)
    if not matches:
        return
    colour, label = family_style(family).colour, family_label(family)
    x, y = service.place(family, answer.queries[family])
    ends = [service.position(match.instrument.instrument_id) for match in matches]
    line_x = [value for end_x, _ in ends for value in (x, end_x, None)]
    line_y = [value for _, end_y in ends for value in (y, end_y, None)]
    silent = {"hoverinfo": "skip", "showlegend": False}
    figure.add_trace(
        go.Scatter(x=line_x, y=line_y, mode="lines", line={"color": colour, "width": 1.5}, **silent)
    )
    figure.add_trace(
        go.Scatter(
            x=[end_x for end_x, _ in ends],
            y=[end_y for _, end_y in ends],
            mode="markers",
            marker={"symbol": "circle-open", "size": 15, "color": colour, "line": {"width": 2.5}},
            **silent,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={
                "symbol": "star",
                "size": 22,
                "color": colour,
                "line": {"width": 2, "color": "#ffffff"},
            },
            name=f"Your mix: {label}",
            hovertemplate=f"<b>Your mix</b><br>as heard for {label}<extra></extra>",
            showlegend=False,
        )
    )
    # The signs fan out, so that those of stars close together do not cover each other.
    order = list(answer.queries).index(family)
    angle = 2 * math.pi * (order + 0.5) / len(answer.queries)
    figure.add_annotation(
        x=x,
        y=y,
        ax=_SIGN_DISTANCE * math.sin(angle),
        ay=-_SIGN_DISTANCE * math.cos(angle),
        text=f"<b>\u2605 {label}</b>",
        font={"color": "#ffffff", "size": 12},
        bgcolor="rgba(30,41,59,0.92)",
        bordercolor=colour,
        borderwidth=2,
        borderpad=4,
        arrowcolor=colour,
        arrowhead=0,
        standoff=10,
    )
