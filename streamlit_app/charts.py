"""Charts: Altair specifications with explicit colours and names for screen readers.

Belongs here: how a frame is drawn. Does not belong here: queries, pages.
"""

import altair as alt
import polars as pl

from streamlit_app.status import COLOURS, STATES

_SHAPES = {"succeeded": "circle", "failed": "triangle-up", "lost": "cross", "running": "square"}


def compliance(trend: pl.DataFrame, *, target: float) -> alt.LayerChart:
    """Draw compliance by day against its target."""
    low = min(float(trend["compliance"].min() or 0), target)
    scale = alt.Scale(domain=[max(low - 0.02, 0), 1], nice=False)
    base = alt.Chart(trend).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", grid=False)),
        y=alt.Y("compliance:Q", title=None, scale=scale, axis=alt.Axis(format=".0%")),
        tooltip=[
            alt.Tooltip("day:T", title="day (UTC)"),
            alt.Tooltip("compliance:Q", format=".3%"),
            alt.Tooltip("violating:Q", title="instances in violation"),
            alt.Tooltip("instances:Q", title="of instances"),
        ],
    )
    line = base.mark_line(color=COLOURS["ok"], strokeWidth=2.5)
    dots = base.mark_circle(color=COLOURS["ok"], size=36)
    goal = (
        alt.Chart(pl.DataFrame({"target": [target]}))
        .mark_rule(color=COLOURS["breached"], strokeDash=[6, 4])
        .encode(y="target:Q", tooltip=alt.Tooltip("target:Q", format=".1%"))
    )
    return alt.layer(line, dots, goal).properties(height=240)


def sawtooth(
    corners: pl.DataFrame, violations: pl.DataFrame, *, objective_s: float
) -> alt.LayerChart:
    """Draw exposure over time in hours, the objective, and where it was violated."""
    hours = corners.drop_nulls("exposure_s").with_columns(hours=pl.col("exposure_s") / 3600)
    x = alt.X("moment:T", title=None, axis=alt.Axis(format="%d %b %H:%M", grid=False))
    layers = []
    if violations.height:
        layers.append(
            alt.Chart(violations)
            .mark_rect(color=COLOURS["breached"], opacity=0.16)
            .encode(
                x=alt.X("started_at:T", title=None),
                x2="ended_at:T",
                tooltip=["cause:N", alt.Tooltip("duration_s:Q", title="seconds")],
            )
        )
    area = (
        alt.Chart(hours)
        .mark_area(color="#0072B2", opacity=0.25, line={"color": "#0072B2", "strokeWidth": 1.5})
        .encode(
            x=x,
            y=alt.Y("hours:Q", title="hours of data at risk", stack=None),
            order="step:Q",
            tooltip=[alt.Tooltip("moment:T", title="UTC"), alt.Tooltip("hours:Q", format=".1f")],
        )
    )
    goal = (
        alt.Chart(pl.DataFrame({"objective": [objective_s / 3600]}))
        .mark_rule(color=COLOURS["breached"], strokeDash=[6, 4], strokeWidth=2)
        .encode(y="objective:Q", tooltip=alt.Tooltip("objective:Q", title="objective, hours"))
    )
    return alt.layer(*layers, area, goal).properties(height=260)


def timeline(attempts: pl.DataFrame) -> alt.Chart:
    """Draw each attempt by its start and duration, coloured and shaped by its state."""
    states = [state for state in STATES if state in set(attempts["state"])]
    shown = attempts.with_columns(
        minutes=(pl.col("duration_s").fill_null(0) / 60).clip(lower_bound=0.01)
    )
    return (
        alt.Chart(shown)
        .mark_point(filled=True, size=80, opacity=0.85)
        .encode(
            x=alt.X("started_at:T", title=None, axis=alt.Axis(format="%d %b %H:%M", grid=False)),
            y=alt.Y("backup_type:N", title=None),
            color=alt.Color(
                "state:N",
                title="state",
                scale=alt.Scale(domain=states, range=[STATES[state] for state in states]),
                legend=alt.Legend(orient="top"),
            ),
            shape=alt.Shape(
                "state:N",
                scale=alt.Scale(
                    domain=states, range=[_SHAPES.get(state, "diamond") for state in states]
                ),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("started_at:T", title="started (UTC)"),
                "backup_type:N",
                "state:N",
                alt.Tooltip("minutes:Q", format=".1f"),
                "error_code:N",
                "error_text:N",
            ],
        )
        .properties(height=170)
    )


def phases(drill: dict[str, float | None], *, objective_s: float | None) -> alt.LayerChart:
    """Draw the phases of one drill as a bar against the objective, in minutes."""
    rows = [
        {"phase": name, "minutes": (drill[key] or 0) / 60, "order": order}
        for order, (name, key) in enumerate(
            (("waiting", "wait_s"), ("restore", "restore_s"), ("recovery", "recovery_s"),
             ("verification", "verify_s"))
        )
    ]  # fmt: skip
    bar = (
        alt.Chart(pl.DataFrame(rows))
        .mark_bar(height=26)
        .encode(
            x=alt.X("minutes:Q", title="minutes since the request", stack="zero"),
            color=alt.Color(
                "phase:N",
                sort=[row["phase"] for row in rows],
                scale=alt.Scale(
                    domain=[row["phase"] for row in rows],
                    range=["#999999", "#0072B2", "#56B4E9", "#009E73"],
                ),
                legend=alt.Legend(orient="top", title=None),
            ),
            order="order:Q",
            tooltip=["phase:N", alt.Tooltip("minutes:Q", format=".1f")],
        )
    )
    if objective_s is None:
        return alt.layer(bar).properties(height=90)
    goal = (
        alt.Chart(pl.DataFrame({"objective": [objective_s / 60]}))
        .mark_rule(color=COLOURS["breached"], strokeDash=[6, 4], strokeWidth=2)
        .encode(x="objective:Q", tooltip=alt.Tooltip("objective:Q", title="objective, minutes"))
    )
    return alt.layer(bar, goal).properties(height=90)
