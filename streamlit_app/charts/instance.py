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
            color=marks.states(STATES, states),
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


def measure(
    values: pl.DataFrame, *, title: str, objective: dict[str, float | None] | None
) -> alt.LayerChart:
    """Draw one measure of the backups of one type, the odd ones marked, the expected band shaded.

    Args:
        values: `started_at`, `value`, `kind` (None: nothing odd), `expected`, oldest first.
        title: What is measured, with its unit.
        objective: `low`, `expected`, `high` that the past lets expect of the newest one, or None.
    """
    layers = []
    if objective is not None and objective["low"] is not None:
        layers.append(
            alt.Chart(pl.DataFrame([objective], infer_schema_length=None))
            .mark_rect(color=marks.BLUE, opacity=0.13)
            .encode(
                y="low:Q",
                y2="high:Q",
                tooltip=[alt.Tooltip("expected:Q", title="expected now", format=".3~s")],
            )
        )
    base = alt.Chart(values).encode(
        x=marks.time("started_at", days=True),
        y=alt.Y("value:Q", title=title, axis=alt.Axis(format="~s", tickCount=4)),
        tooltip=[
            alt.Tooltip("started_at:T", title="started", format="%d %b %H:%M"),
            alt.Tooltip("value:Q", title=title, format=".3~s"),
            alt.Tooltip("kind:N", title="odd"),
            alt.Tooltip("expected:Q", format=".3~s"),
        ],
    )
    layers.append(base.mark_line(color=marks.BLUE, strokeWidth=1, opacity=0.5))
    layers.append(base.mark_circle(color=marks.BLUE, size=22))
    odd = base.transform_filter("datum.kind !== null")
    layers.append(
        odd.mark_point(shape="triangle-up", filled=True, color=COLOURS["breached"], size=120)
    )
    return alt.layer(*layers).properties(height=150)


def deductions(reasons: pl.DataFrame, *, score: float) -> alt.LayerChart:
    """Draw how each signal lessens the score from 100 on, one bar a signal.

    Args:
        reasons: `signal`, `deduction`, `told`, the largest first.
        score: What is left.
    """
    ends = 100 - reasons["deduction"].cast(pl.Float64).cum_sum()
    shown = reasons.with_columns(
        deduction=pl.col("deduction").cast(pl.Float64),
        end=ends,
        begin=pl.Series([100.0, *ends.to_list()[:-1]], dtype=pl.Float64),
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("signal:N", title=None, sort=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["signal:N", alt.Tooltip("deduction:Q", format=".1f"), "told:N"],
    )
    bar = base.mark_bar(color=COLOURS["breached"], height=14).encode(
        x=alt.X("begin:Q", title="score", scale=alt.Scale(domain=[0, 100], clamp=True)),
        x2="end:Q",
    )
    left = alt.Chart(pl.DataFrame({"score": [score]})).mark_rule(
        color=marks.GREY, strokeDash=[6, 4], strokeWidth=2
    )
    left = left.encode(x="score:Q", tooltip=[alt.Tooltip("score:Q", format=".1f")])
    return alt.layer(bar, left).properties(height=60 + 26 * reasons.height)
