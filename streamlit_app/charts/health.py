"""Charts of health: why a score is what it is, how it went, workers and queues by hour.

Belongs here: how they are drawn. Does not belong here: queries, words.
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS, HEALTH_COLOURS

_BUSY = alt.Scale(
    domain=[0, 0.5, 0.8, 1], range=["#dbe9f6", marks.SKY, COLOURS["approaching"], "#D55E00"],
    clamp=True, interpolate="rgb",
)  # fmt: skip
_POINTS = alt.Scale(domain=[0, 100])


def contributions(reasons: pl.DataFrame, *, score: float) -> alt.LayerChart:
    """Draw how the points between 100 and a score were lost, signal by signal.

    Args:
        reasons: `signal`, `deduction`, `action`; deductions add up to 100 - score.
        score: What is left.
    """
    steps, level = [("of 100", 0.0, 100.0, "all points", "")], 100.0
    for signal, deduction, action in reasons.select("signal", "deduction", "action").iter_rows():
        steps.append((signal, level - deduction, level, f"{-deduction:+.1f}", action))
        level -= deduction
    steps.append(("score", 0.0, score, f"{score:.1f}", ""))
    names = [step[0] for step in steps]
    least = min(0.0, *(step[1] for step in steps))
    points = alt.Scale(domain=[least * 1.1, 108], nice=False)
    lost = ["lost" if points > 0 else "given back" for points in reasons["deduction"]]
    way = ["whole", *lost, "left"]
    shown = pl.DataFrame(
        steps, orient="row", schema=["signal", "from", "to", "points", "action"]
    ).with_columns(way=pl.Series(way), edge=pl.max_horizontal("from", "to"))
    y = alt.Y("signal:N", sort=names, title=None, axis=alt.Axis(labelLimit=240, labelOverlap=False))
    bars = (
        alt.Chart(shown)
        .mark_bar(height=20)
        .encode(
            y=y,
            x=alt.X(
                "from:Q",
                title="points",
                scale=points,
                axis=alt.Axis(values=[0, 20, 40, 60, 80, 100]),
            ),
            x2="to:Q",
            color=alt.Color(
                "way:N",
                legend=None,
                scale=alt.Scale(
                    domain=["whole", "lost", "given back", "left"],
                    range=[marks.GREY, COLOURS["breached"], marks.SKY, marks.BLUE],
                ),
            ),
            tooltip=["signal:N", "points:N", "action:N"],
        )
    )
    text = (
        alt.Chart(shown)
        .mark_text(align="left", dx=5, color=marks.GREY)
        .encode(y=y, x=alt.X("edge:Q"), text="points:N")
    )
    return alt.layer(bars, text).properties(height=alt.Step(30))


def scores(past: pl.DataFrame, columns: dict[str, str]) -> alt.Chart:
    """Draw scores over time as steps; a gap is unknown.

    Args:
        past: `evaluated_at` and the columns.
        columns: Column and the name it is shown by.
    """
    long = past.select("evaluated_at", *columns).unpivot(
        index="evaluated_at", variable_name="column", value_name="points"
    )
    names = list(columns.values())
    shown = long.with_columns(score=pl.col("column").replace_strict(columns))
    return (
        alt.Chart(shown)
        .mark_line(interpolate="step-after", strokeWidth=2.5, point={"size": 36})
        .encode(
            x=marks.time("evaluated_at"),
            y=alt.Y("points:Q", title="points of 100", scale=_POINTS),
            color=alt.Color(
                "score:N",
                sort=names,
                scale=alt.Scale(domain=names, range=[marks.BLUE, marks.GREY][: len(names)]),
                legend=alt.Legend(orient="top", title=None) if len(names) > 1 else None,
            ),
            tooltip=[
                alt.Tooltip("evaluated_at:T", title="at", format="%d %b %H:%M"),
                "score:N",
                alt.Tooltip("points:Q", format=".1f"),
            ],
        )
        .properties(height=220)
    )


def counts(past: pl.DataFrame) -> alt.Chart:
    """Draw how many components were in each state over time.

    Args:
        past: `evaluated_at` and a column for each state.
    """
    states = list(HEALTH_COLOURS)
    long = past.select("evaluated_at", *states).unpivot(
        index="evaluated_at", variable_name="state", value_name="components"
    )
    shown = long.with_columns(
        order=pl.col("state").replace_strict(states, list(range(len(states))))
    )
    return (
        alt.Chart(shown)
        .mark_area(interpolate="step-after")
        .encode(
            x=marks.time("evaluated_at"),
            y=alt.Y("components:Q", title="components", stack="zero"),
            color=alt.Color(
                "state:N",
                sort=states,
                scale=alt.Scale(domain=states, range=list(HEALTH_COLOURS.values())),
                legend=alt.Legend(orient="top", title=None),
            ),
            order="order:Q",
            tooltip=["state:N", "components:Q", alt.Tooltip("evaluated_at:T", title="at")],
        )
        .properties(height=220)
    )


def workers(hours: pl.DataFrame) -> alt.Chart:
    """Draw how busy each pool was by hour; an hour without a sample stays empty.

    Args:
        hours: `pool`, `hour` on the reader's clock, `busy_share`, `workers`.
    """
    pools = hours["pool"].unique(maintain_order=True).to_list()
    shown = hours.with_columns(until=pl.col("hour").dt.offset_by("1h"))
    return (
        alt.Chart(shown)
        .mark_rect()
        .encode(
            x=marks.time("hour"),
            x2="until:T",
            y=alt.Y("pool:N", title=None, sort=pools, axis=alt.Axis(labelLimit=200)),
            color=alt.Color(
                "busy_share:Q",
                scale=_BUSY,
                legend=alt.Legend(title="busy", format=".0%", orient="top", gradientLength=220),
            ),
            tooltip=[
                "pool:N",
                alt.Tooltip("hour:T", format="%d %b %H:%M"),
                alt.Tooltip("busy_share:Q", title="busy", format=".0%"),
                alt.Tooltip("workers:Q", title="fewest workers"),
            ],
        )
        .properties(height=max(34 * len(pools), 90))
    )


def queues(hours: pl.DataFrame) -> alt.Chart:
    """Draw how long queues were by hour, one line a queue.

    Args:
        hours: `queue`, `hour`, `depth`, `wait_s` as text.
    """
    names = hours["queue"].unique(maintain_order=True).to_list()
    colours = [marks.BLUE, COLOURS["approaching"], "#009E73", "#CC79A7", marks.SKY, marks.GREY]
    return (
        alt.Chart(hours)
        .mark_line(interpolate="step-after", strokeWidth=1.8)
        .encode(
            x=marks.time("hour"),
            y=alt.Y("depth:Q", title="jobs waiting", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "queue:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(orient="top", title=None, labelLimit=240),
            ),
            strokeDash=alt.StrokeDash("queue:N", legend=None),
            tooltip=["queue:N", alt.Tooltip("hour:T", format="%d %b %H:%M"), "depth:Q",
                     alt.Tooltip("wait:N", title="oldest waited")],
        )
        .properties(height=220)
    )  # fmt: skip


def together(days: pl.DataFrame, *, metric: str, outcome: str) -> alt.LayerChart:
    """Draw two series over each other, each on an axis of its own.

    Args:
        days: `day`, `metric_value`, `outcome_value`.
        metric: Name of the left axis.
        outcome: Name of the right axis.
    """
    tips = [
        alt.Tooltip("day:T", title="day (UTC)"),
        alt.Tooltip("metric_value:Q", title=metric, format=".3s"),
        alt.Tooltip("outcome_value:Q", title=outcome, format=".3s"),
        alt.Tooltip("instances:Q", title="instances"),
    ]
    base = alt.Chart(days).encode(x=marks.time("day", days=True), tooltip=tips)

    def line(column: str, title: str, colour: str, dash: list[int]) -> alt.Chart:
        axis = alt.Axis(title=title, titleColor=colour, format="~s")
        scale = alt.Scale(zero=False)
        drawn = base.mark_line(color=colour, strokeWidth=2, strokeDash=dash, point={"size": 22})
        return drawn.encode(y=alt.Y(f"{column}:Q", axis=axis, scale=scale))

    return (
        alt.layer(
            line("metric_value", metric, marks.BLUE, [1, 0]),
            line("outcome_value", outcome, COLOURS["breached"], [5, 3]),
        )
        .resolve_scale(y="independent")
        .properties(height=260)
    )
