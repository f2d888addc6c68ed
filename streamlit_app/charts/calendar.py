"""A calendar of days: weeks beside one another, a day coloured and told by its number.

Belongs here: the calendar of Overview and RPO. Does not belong here: what a day's number is.
"""

from datetime import date

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS

_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_KEPT, _NEAR, _BROKEN = "kept", "below the promise", "five times the budget spent"
_NOTHING = "not measured"
_RANGE = {_KEPT: "#8fd0b9", _NEAR: "#f3c58a", _BROKEN: COLOURS["breached"], _NOTHING: "#88888833"}


def calendar(days: pl.DataFrame, *, promised: float, chosen: date | None = None) -> alt.LayerChart:
    """Draw compliance by day; a click on a day is the selection `pick`, its field `day_text`.

    Args:
        days: `day`, `compliance` (None: nothing measured), `instances`, `violating`.
        promised: Compliance that is promised; days below it are orange, days that spend five
            times as much as allowed are red.
        chosen: Day that is outlined.
    """
    far = 1 - 5 * (1 - promised)
    told = days.with_columns(
        day_text=pl.col("day").dt.to_string("%Y-%m-%d"),
        week=pl.col("day").dt.truncate("1w"),
        weekday=pl.col("day").dt.strftime("%a"),
        word=pl.when(pl.col("compliance").is_null()).then(pl.lit(_NOTHING))
        .when(pl.col("compliance") >= promised).then(pl.lit(_KEPT))
        .when(pl.col("compliance") >= far).then(pl.lit(_NEAR))
        .otherwise(pl.lit(_BROKEN)),
        shown=pl.col("compliance").map_elements(_shown, return_dtype=pl.String, skip_nulls=False),
        ink=pl.when(pl.col("compliance").is_null()).then(pl.lit(marks.GREY))
        .when(pl.col("compliance") < far).then(pl.lit("white")).otherwise(pl.lit(marks.INK)),
        stroke=pl.when(pl.col("day").eq_missing(chosen)).then(2.5).otherwise(0.0),
    )  # fmt: skip
    order = told["week"].unique().sort().dt.to_string("%Y-%m-%d").to_list()
    told = told.with_columns(week=pl.col("week").dt.to_string("%Y-%m-%d"))
    base = alt.Chart(told).encode(
        x=alt.X(
            "week:O", title=None, sort=order,
            axis=alt.Axis(
                orient="top", ticks=False, domain=False, labelAngle=0, labelOverlap=True,
                labelExpr="timeFormat(toDate(datum.label + 'T00:00:00'), '%d %b')",
            ),
        ),
        y=alt.Y("weekday:O", title=None, sort=_DAYS, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=[
            alt.Tooltip("day_text:N", title="day (UTC)"),
            alt.Tooltip("compliance:Q", format=".3%"),
            alt.Tooltip("violating:Q", title="in violation"),
            alt.Tooltip("instances:Q", title="of instances"),
        ],
    )  # fmt: skip
    present = [word for word in _RANGE if word in set(told["word"])]
    cells = base.mark_rect(cornerRadius=3, stroke=marks.BLUE).encode(
        color=alt.Color(
            "word:N", title=None, sort=list(_RANGE),
            legend=alt.Legend(orient="bottom", symbolStrokeWidth=0),
            scale=alt.Scale(domain=present, range=[_RANGE[word] for word in present]),
        ),
        strokeWidth=alt.StrokeWidth("stroke:Q", scale=None, legend=None),
    ).add_params(alt.selection_point(name="pick", fields=["day_text"], on="click"))  # fmt: skip
    texts = base.mark_text(fontSize=11).encode(
        text="shown:N", color=alt.Color("ink:N", scale=None, legend=None)
    )
    return alt.layer(cells, texts).properties(height=300)


def _shown(compliance: float | None) -> str:
    if compliance is None:
        return "–"
    return "100" if compliance == 1 else f"{min(compliance * 100, 99.9):.1f}"
