"""Charts of one attempt: its phases and tries, and its pace beside its own normal.

Belongs here: how one attempt is drawn. Does not belong here: its neighbours (see `gantt`).
"""

from typing import Any

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import STATES


def tries(attempts: pl.DataFrame, key: str) -> alt.LayerChart:
    """Draw each try of a run: how long it waited and how long it ran; the shown one is bold.

    Args:
        attempts: `attempt_key`, `scheduled_at`, `started_at`, `ended_at`, `state`, oldest first.
        key: Key of the attempt that the page is about.
    """
    numbered = attempts.with_row_index("n", offset=1).with_columns(
        row=pl.format("try {}", "n") + pl.when(pl.col("attempt_key") == key)
        .then(pl.lit(" (this)")).otherwise(pl.lit("")),
        strength=pl.when(pl.col("attempt_key") == key).then(1.0).otherwise(0.55),
    )  # fmt: skip
    axis = alt.Axis(format="%d %b %H:%M:%S", grid=False, tickCount=5)
    y = alt.Y("row:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False))
    opacity = alt.Opacity("strength:Q", scale=None, legend=None)
    layers = []
    waited = numbered.filter(pl.col("scheduled_at") < pl.col("started_at"))
    if waited.height:
        layers.append(
            alt.Chart(waited)
            .mark_bar(color=STATES["queued"], height=8)
            .encode(
                x=alt.X("scheduled_at:T", title=None, axis=axis), x2="started_at:T", y=y,
                opacity=opacity,
                tooltip=[alt.Tooltip("scheduled_at:T", title="due", format="%d %b %H:%M:%S")],
            )
        )  # fmt: skip
    ran = alt.Chart(numbered).encode(
        x=alt.X("started_at:T", title=None, axis=axis), y=y, opacity=opacity,
        color=marks.states(STATES, numbered["state"].unique().to_list(), title=None),
        tooltip=[
            "state:N",
            alt.Tooltip("started_at:T", title="started", format="%d %b %H:%M:%S"),
            alt.Tooltip("ended_at:T", title="ended", format="%d %b %H:%M:%S"),
        ],
    )  # fmt: skip
    layers.append(ran.mark_bar(height=18).encode(x2="ended_at:T"))
    layers.append(ran.mark_tick(thickness=2, size=18))
    return alt.layer(*layers).properties(height=85 + 34 * numbered.height)


def pace(
    series: pl.DataFrame, *, key: str, measure: str, title: str, normal: dict[str, Any]
) -> alt.LayerChart:
    """Draw the pace of the attempts of weeks, the usual tenths shaded, the shown one marked.

    Args:
        series: `attempt_key`, `started_at`, `state` and the measure.
        key: Key of the attempt that the page is about.
        measure: Column to draw.
        title: Title of its axis, with the unit.
        normal: `low`, `middle`, `high` of the days before; None where too few were seen.
    """
    layers = []
    if normal["low"] is not None and normal["high"] is not None:
        band = pl.DataFrame({"low": [normal["low"]], "high": [normal["high"]]})
        layers.append(
            alt.Chart(band).mark_rect(color=marks.BLUE, opacity=0.12).encode(y="low:Q", y2="high:Q")
        )
    if normal["middle"] is not None:
        middle = pl.DataFrame({"middle": [normal["middle"]]})
        layers.append(
            alt.Chart(middle)
            .mark_rule(color=marks.BLUE, strokeDash=[2, 3])
            .encode(y="middle:Q", tooltip=alt.Tooltip("middle:Q", title="median", format=".3~s"))
        )
    base = alt.Chart(series.drop_nulls(measure)).encode(
        x=marks.time("started_at", days=True),
        y=alt.Y(
            f"{measure}:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(format="~s")
        ),
        color=marks.states(STATES, series["state"].unique().to_list(), title=None),
        tooltip=[
            alt.Tooltip("started_at:T", title="started", format="%d %b %H:%M"),
            "state:N",
            alt.Tooltip(f"{measure}:Q", title=title, format=".3~s"),
        ],
    )
    layers.append(base.mark_circle(size=36, opacity=0.6))
    layers.append(
        base.transform_filter(alt.datum.attempt_key == key)
        .mark_point(size=260, strokeWidth=3, filled=False)
    )  # fmt: skip
    return alt.layer(*layers).properties(height=220)
