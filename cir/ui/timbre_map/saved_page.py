"""The timbre map as a page to download: a Plotly figure that needs no network."""

import plotly.graph_objects as go

from cir.instruments.families import family_label
from cir.ui.palette import family_name, family_style
from cir.ui.service import Answer, PageService
from cir.ui.timbre_map.map_json import present_families

_HOVER = (
    "<b>%{customdata[1]}</b><br>%{fullData.name}, %{customdata[2]}<br>by %{customdata[3]}"
    "<extra></extra>"
)
_HIDDEN_AXIS = {"visible": False}
_LAYOUT = {
    "template": "none",
    "title": {"text": "Timbre map: near points sound alike; the axes have no meaning"},
    "xaxis": _HIDDEN_AXIS,
    "yaxis": {**_HIDDEN_AXIS, "scaleanchor": "x"},
    "margin": {"l": 0, "r": 0, "t": 40, "b": 0},
    "legend": {"orientation": "h", "y": -0.02, "itemsizing": "constant"},
    "hovermode": "closest",
    "dragmode": "pan",
}


def timbre_page(service: PageService, answer: Answer | None = None) -> str:
    """Render `timbre_figure` as a page that needs no other file."""
    page: str = timbre_figure(service, answer).to_html(
        config={"displaylogo": False, "scrollZoom": True}
    )
    return page


def timbre_figure(service: PageService, answer: Answer | None = None) -> go.Figure:
    """Draw every instrument and, after a search, a star for each of its families.

    A star lies at the weighted mean of the nearest neighbours of its query; lines lead to the
    matches.

    Args:
        service: The database, which must have a map.
        answer: The visitor's last search.
    """
    figure = go.Figure(layout=_LAYOUT)
    for family in present_families(service):
        rows = [one for one in service.instruments if one.family == family]
        style = family_style(family)
        places = [service.position(one.instrument_id) for one in rows]
        opacity = 0.75 if answer is None or family in answer.queries else 0.3
        figure.add_scatter(
            x=[round(x, 3) for x, _ in places],
            y=[round(y, 3) for _, y in places],
            mode="markers",
            name=family_name(family),
            marker={
                "color": style.colour,
                "symbol": style.symbol,
                "size": 8,
                "opacity": opacity,
            },
            customdata=[(one.instrument_id, one.name, one.bank, one.author) for one in rows],
            hovertemplate=_HOVER,
        )
    for result in () if answer is None else answer.results:
        if answer is not None and result.matches:
            star = service.place(result.family, answer.queries[result.family])
            ends = [service.position(match.instrument.instrument_id) for match in result.matches]
            _add_star(figure, result.family, star, ends)
    return figure


def _add_star(
    figure: go.Figure, family: str, star: tuple[float, float], ends: list[tuple[float, float]]
) -> None:
    colour, label = family_style(family).colour, f"Your mix: {family_label(family)}"
    path = [point for end in ends for point in (star, end, (None, None))]
    figure.add_scatter(
        x=[x for x, _ in path],
        y=[y for _, y in path],
        mode="lines+markers",
        line={"color": colour},
        marker={"symbol": "circle-open", "size": 15},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[star[0]],
        y=[star[1]],
        mode="markers+text",
        marker={"symbol": "star", "size": 22, "color": colour, "line": {"width": 2}},
        name=label,
        text=[f"<b>{label}</b>"],
        textposition="top center",
        hoverinfo="name",
        showlegend=False,
    )
