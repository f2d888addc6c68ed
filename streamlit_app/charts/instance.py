"""Charts of one instance: exposure, attempts, the phases of a drill.

Belongs here: how one instance is drawn. Does not belong here: the fleet.
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS, STATES


def sawtooth(
    corners: pl.DataFrame, violations: pl.DataFrame, *, objective_s: float
) -> alt.LayerChart:
    """Draw exposure over time in hours, the objective, and where it was violated."""
    hours = corners.drop_nulls("exposure_s").with_columns(hours=pl.col("exposure_s") / 3600)
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
        .mark_area(color=marks.BLUE, opacity=0.25, line={"color": marks.BLUE, "strokeWidth": 1.5})
        .encode(
            x=marks.time(),
            y=alt.Y("hours:Q", title="hours of data at risk", stack=None),
            order="step:Q",
            tooltip=[alt.Tooltip("moment:T", title="at"), alt.Tooltip("hours:Q", format=".1f")],
        )
    )
    goal = marks.target(objective_s / 3600, title="objective, hours")
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
            x=marks.time("started_at"),
            y=alt.Y("backup_type:N", title=None),
            color=marks.states(STATES, states, title="state"),
            shape=alt.Shape(
                "state:N",
                scale=alt.Scale(
                    domain=states, range=[marks.SHAPES.get(state, "diamond") for state in states]
                ),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("started_at:T", title="started"),
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
    goal = marks.target(objective_s / 60, title="objective, minutes", along="x")
    return alt.layer(bar, goal).properties(height=90)
