"""Charts of the Operations page: reasons of failures, congestion, queues, throughput.

Belongs here: how they are drawn. Does not belong here: bars over time (see `gantt`).
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS

_WEEK = {1: "Mon", 2: "Tue", 3: "Wed", 4: "Thu", 5: "Fri", 6: "Sat", 7: "Sun"}


def pareto(reasons: pl.DataFrame, *, chosen: str | None) -> alt.LayerChart:
    """Draw failures by reason, the most frequent first; a click is the selection `pick`."""
    shown = reasons.with_columns(
        told=pl.format("{} · {}% so far", "failures", (pl.col("running") * 100).round(0).cast(int)),
        strength=pl.when(pl.lit(chosen).is_null() | pl.col("reason").eq_missing(chosen))
        .then(1.0).otherwise(0.35),
    )  # fmt: skip
    base = alt.Chart(shown).encode(
        y=alt.Y("reason:N", title=None, sort=None, axis=alt.Axis(labelLimit=240, ticks=False)),
        x=alt.X(
            "failures:Q", title="attempts", axis=alt.Axis(tickMinStep=1, format="d"),
            scale=alt.Scale(domainMax=1.2 * float(reasons["failures"].to_list()[0])),
        ),
        tooltip=["reason:N", "failures:Q", "instances:Q",
                 alt.Tooltip("running:Q", title="with those above", format=".0%")],
    )  # fmt: skip
    bar = base.mark_bar(color=COLOURS["breached"]).encode(
        opacity=alt.Opacity("strength:Q", scale=None, legend=None)
    )
    bar = bar.add_params(alt.selection_point(name="pick", fields=["reason"], on="click"))
    word = base.mark_text(align="left", dx=5, color=marks.GREY).encode(text="told:N")
    return alt.layer(bar, word).properties(height=80 + 26 * shown.height)


def congestion(hours: pl.DataFrame, *, measure: str, title: str) -> alt.Chart:
    """Draw a week of hours; the darker, the busier."""
    shown = hours.with_columns(day=pl.col("weekday").cast(pl.Int64).replace_strict(_WEEK))
    return (
        alt.Chart(shown)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X(
                "hour_of_day:O", title="hour of the day, UTC",
                axis=alt.Axis(labelAngle=0, ticks=False),
            ),
            y=alt.Y("day:O", title=None, sort=list(_WEEK.values()), axis=alt.Axis(ticks=False)),
            color=alt.Color(
                f"{measure}:Q", title=title, scale=alt.Scale(scheme="blues"),
                legend=alt.Legend(orient="right", format=",.2~f"),
            ),
            tooltip=[
                "day:N", "hour_of_day:O",
                alt.Tooltip("concurrent:Q", title="at once, mean", format=".2f"),
                alt.Tooltip("duration_s:Q", title="median seconds", format=",.0f"),
                alt.Tooltip("begun:Q", title="begun in four weeks"),
            ],
        )
        .properties(height=260)
    )  # fmt: skip


def queues(depths: pl.DataFrame) -> alt.Chart:
    """Draw how many jobs wait in each queue."""
    return (
        alt.Chart(depths)
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=marks.time(),
            y=alt.Y("depth:Q", title="jobs waiting", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "queue:N", title=None, legend=alt.Legend(orient="top", labelLimit=300),
                scale=alt.Scale(range=[marks.BLUE, "#E69F00", "#009E73", "#CC79A7", marks.SKY]),
            ),
            strokeDash=alt.StrokeDash("queue:N", legend=None),
            tooltip=[
                "queue:N", alt.Tooltip("moment:T", format="%d %b %H:%M"), "depth:Q",
                alt.Tooltip("max_wait_s:Q", title="longest wait, seconds", format=",.0f"),
            ],
        )
        .properties(height=240)
    )  # fmt: skip


def throughput(hours: pl.DataFrame, *, width_h: int) -> alt.Chart:
    """Draw bytes written by the hours in which backups ended."""
    shown = hours.with_columns(until=pl.col("moment").dt.offset_by(f"{width_h}h"))
    return (
        alt.Chart(shown)
        .mark_bar(color=marks.BLUE, opacity=0.8)
        .encode(
            x=alt.X("moment:T", title=None, axis=alt.Axis(format="%d %b %H:%M", grid=False)),
            x2="until:T",
            y2=alt.Y2Datum(0),
            y=alt.Y("bytes:Q", title="bytes written", axis=alt.Axis(format="~s")),
            tooltip=[
                alt.Tooltip("moment:T", title="from", format="%d %b %H:%M"),
                alt.Tooltip("bytes:Q", format=".3~s"),
                "backups:Q",
                alt.Tooltip("without_bytes:Q", title="that tell no bytes"),
            ],
        )
        .properties(height=220)
    )  # fmt: skip
