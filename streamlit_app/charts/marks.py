"""What all charts share: the axis of time, the line of a target, shapes of states.

Belongs here: parts of a chart. Does not belong here: a chart of one page (see its module).
Moments come in as the reader's clock shows them (`zones.in_zone`), naive.
"""

import altair as alt
import polars as pl

from streamlit_app.status import COLOURS

BLUE = "#0072B2"
SKY = "#56B4E9"
GREY = "#999999"
# Text on the light fills of cells, in both themes.
INK = "#1f2937"
SHAPES = {"succeeded": "circle", "failed": "triangle-up", "lost": "cross", "running": "square"}


def time(column: str = "moment", *, days: bool = False) -> alt.X:
    """Return an axis of moments, or of days."""
    style = "%d %b" if days else "%d %b %H:%M"
    return alt.X(f"{column}:T", title=None, axis=alt.Axis(format=style, grid=False))


def bytes_axis(column: str, *, title: str | None = None, most: float | None = None) -> alt.Y:
    """Return an axis of bytes, labelled `20 TB`; with `most` it goes from nothing to there."""
    return alt.Y(
        f"{column}:Q",
        title=title,
        scale=alt.Undefined if most is None else alt.Scale(domain=[0, most], nice=False, padding=0),
        axis=alt.Axis(labelExpr="replace(format(datum.value, '~s'), /([a-zA-Z]?)$/, ' $1') + 'B'"),
    )


def target(value: float, *, title: str, along: str = "y") -> alt.Chart:
    """Return the dashed line of an objective; `along` says which axis it is a value of."""
    line = alt.Chart(pl.DataFrame({"target": [value]})).mark_rule(
        color=COLOURS["breached"], strokeDash=[6, 4], strokeWidth=2
    )
    return line.encode(**{along: "target:Q", "tooltip": alt.Tooltip("target:Q", title=title)})


def states(colours: dict[str, str], present: list[str], *, title: str | None = None) -> alt.Color:
    """Return the colours of those states that are present, in the order of `colours`."""
    domain = [state for state in colours if state in present]
    return alt.Color(
        "state:N",
        title=title,
        scale=alt.Scale(domain=domain, range=[colours[state] for state in domain]),
        legend=alt.Legend(orient="top"),
    )
