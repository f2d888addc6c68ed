"""Charts of the RPO page: budget, exposure now, parts, causes.

Belongs here: how they are drawn. Does not belong here: the calendar (see `calendar`).
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS

_WORST_RATIO = 2.0


def burn_down(days: pl.DataFrame, *, last: object) -> alt.LayerChart:
    """Draw the share of the error budget that is left, beside a pace that uses it up exactly.

    Args:
        days: `day`, `share_left`, `violation_s`, oldest first.
        last: Last day of the window.
    """
    base = alt.Chart(days).encode(
        x=marks.time("day", days=True),
        y=alt.Y("share_left:Q", title="error budget left", axis=alt.Axis(format=".0%")),
        tooltip=[
            alt.Tooltip("day:T", title="day (UTC)", format="%d %b"),
            alt.Tooltip("share_left:Q", title="left", format=".1%"),
            alt.Tooltip("violation_s:Q", title="violated, seconds", format=",.0f"),
        ],
    )
    pace = pl.DataFrame({"day": [days["day"][0], last], "left": [1.0, 0.0]})
    even = (
        alt.Chart(pace)
        .mark_line(color=marks.GREY, strokeDash=[2, 3])
        .encode(x="day:T", y="left:Q", tooltip=alt.value("a pace that uses it up exactly"))
    )
    left = base.mark_line(color=marks.BLUE, strokeWidth=2.5, interpolate="step-after")
    dots = base.mark_circle(color=marks.BLUE, size=30)
    zero = marks.target(0, title="nothing left")
    return alt.layer(even, left, dots, zero).properties(height=250)


def ecdf(used: pl.DataFrame, *, total: int) -> alt.LayerChart:
    """Draw which share of all instances uses at most so much of its objective now.

    What is unknown, or has no recovery point, never joins the curve: it ends below 100 %.

    Args:
        used: `ratio`, `instances`, ascending; rows without a ratio are left out.
        total: All instances.
    """
    curve = (
        used.drop_nulls("ratio")
        .with_columns(pl.col("ratio").clip(upper_bound=_WORST_RATIO))
        .group_by("ratio")
        .agg(pl.col("instances").sum())
        .sort("ratio")
        .with_columns(share=pl.col("instances").cum_sum() / total)
    )
    top = pl.DataFrame({"ratio": [0.0], "instances": [0], "share": [0.0]})
    end = curve.tail(1).with_columns(ratio=pl.lit(_WORST_RATIO), instances=pl.lit(0))
    curve = pl.concat([top, curve, end], how="vertical_relaxed")
    lines = pl.DataFrame(
        {"at": [0.75, 1.0], "word": ["at risk from 0.75", "objective"], "tone": ["a", "b"]}
    )
    base = alt.Chart(curve).encode(
        x=alt.X(
            "ratio:Q", title="exposure ÷ objective", scale=alt.Scale(domain=[0, _WORST_RATIO]),
            axis=alt.Axis(
                format=".2~f", grid=False,
                labelExpr=f"datum.value >= {_WORST_RATIO} ? '2 or more' : datum.label",
            ),
        ),
        y=alt.Y(
            "share:Q", title="share of all instances", scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format=".0%"),
        ),
        tooltip=[
            alt.Tooltip("ratio:Q", title="uses at most"),
            alt.Tooltip("share:Q", title="of all", format=".1%"),
        ],
    )  # fmt: skip
    steps = base.mark_line(color=marks.BLUE, interpolate="step-after", strokeWidth=2.5)
    rules = (
        alt.Chart(lines)
        .mark_rule(strokeDash=[6, 4], strokeWidth=2)
        .encode(
            x="at:Q",
            color=alt.Color(
                "word:N", title=None, legend=alt.Legend(orient="top"),
                scale=alt.Scale(
                    domain=lines["word"].to_list(),
                    range=[COLOURS["approaching"], COLOURS["breached"]],
                ),
            ),
        )
    )  # fmt: skip
    return alt.layer(steps, rules).properties(height=260)


def part(days: pl.DataFrame, *, promised: float, low: float) -> alt.LayerChart:
    """Draw compliance by day of one part, on the scale that all parts share."""
    base = alt.Chart(days).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", grid=False, tickCount=3)),
        y=alt.Y(
            "compliance:Q", title=None, scale=alt.Scale(domain=[low, 1], nice=False),
            axis=alt.Axis(format=".0%", tickCount=3),
        ),
        tooltip=[
            alt.Tooltip("day:T", title="day (UTC)", format="%d %b"),
            alt.Tooltip("compliance:Q", format=".2%"),
            "instances:Q",
        ],
    )  # fmt: skip
    return alt.layer(
        base.mark_line(color=marks.BLUE, strokeWidth=2),
        marks.target(promised, title="promised"),
    ).properties(height=120)


def causes(found: pl.DataFrame) -> alt.LayerChart:
    """Draw hours in violation by cause, the most first."""
    hours = found.with_columns(
        hours=pl.col("duration_s") / 3600,
        told=pl.format("{} × on {} instances", "violations", "instances"),
    )
    base = alt.Chart(hours).encode(
        y=alt.Y("cause:N", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X(
            "hours:Q",
            title="hours in violation",
            scale=alt.Scale(domainMax=1.2 * float(hours["hours"].to_list()[0])),
        ),
        tooltip=["cause:N", alt.Tooltip("hours:Q", format=".1f"), "violations:Q", "instances:Q"],
    )
    bar = base.mark_bar(color=COLOURS["breached"], height=16, opacity=0.85)
    word = base.mark_text(align="left", dx=5, color=marks.GREY).encode(text="told:N")
    return alt.layer(bar, word).properties(height=75 + 26 * found.height)
