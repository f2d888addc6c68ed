"""Charts of the Restores page: coverage, restore times against promises, estimates.

Belongs here: how they are drawn. Does not belong here: one drill's phases (see `instance`).
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS

_CELLS = {
    "never proven": COLOURS["breached"],
    "failed": "#CC79A7",
    "not verified": "#f3c58a",
    "proven": "#8fd0b9",
    "no restore": "#88888833",
}
_AGES = {
    "never": COLOURS["breached"],
    "longer ago": "#E69F00",
    "within 180 days": "#b8dfd2",
    "within 90 days": "#5cbf9f",
    "within 30 days": COLOURS["ok"],
}
BASES = {"measured": "#009E73", "own": "#56B4E9", "peer": "#E69F00", "unknown": "#6b7280"}
_NEVER = "never"


def coverage(cells: pl.DataFrame) -> alt.LayerChart:
    """Draw what each part of the fleet showed in each month; who never did stands out.

    Args:
        cells: `part`, `month` (None: the column of those that were never proven), `instances`,
            `proven`, `failed`, `unverified`, `never`.
    """
    told = cells.with_columns(
        column=pl.col("month").dt.to_string("%Y-%m").fill_null(_NEVER),
        word=pl.when(pl.col("never") > 0).then(pl.lit("never proven"))
        .when(pl.col("never") == 0).then(pl.lit("proven"))
        .when(pl.col("failed") > 0).then(pl.lit("failed"))
        .when(pl.col("proven") > 0).then(pl.lit("proven"))
        .when(pl.col("unverified") > 0).then(pl.lit("not verified"))
        .otherwise(pl.lit("no restore")),
        shown=pl.when(pl.col("never") > 0).then(pl.format("▲ {} never", "never"))
        .when(pl.col("never") == 0).then(pl.lit("none"))
        .when(pl.col("failed") > 0)
        .then(pl.format("{} of {} ▲ {}", "proven", "instances", "failed"))
        .when(pl.col("proven") + pl.col("unverified") == 0).then(pl.lit("–"))
        .otherwise(pl.format("{} of {}", "proven", "instances")),
    )  # fmt: skip
    told = told.with_columns(
        ink=pl.col("word").replace_strict(
            {"never proven": "white", "no restore": marks.GREY},
            default=marks.INK,
            return_dtype=pl.String,
        )
    )
    columns = told["column"].unique().sort().to_list()
    present = [word for word in _CELLS if word in set(told["word"])]
    rows = told["part"].n_unique()
    base = alt.Chart(told).encode(
        x=alt.X(
            "column:O", title=None, sort=columns,
            axis=alt.Axis(
                orient="top", ticks=False, domain=False, labelAngle=0,
                labelExpr=f"datum.label === '{_NEVER}' ? 'never proven' : "
                "timeFormat(toDate(datum.label + '-01T00:00:00'), '%b %Y')",
            ),
        ),
        y=alt.Y("part:N", title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=260)),
        tooltip=["part:N", "column:N", "instances:Q", "proven:Q", "failed:Q", "unverified:Q",
                 "never:Q"],
    )  # fmt: skip
    cell = base.mark_rect(cornerRadius=3, stroke="#8882").encode(
        color=alt.Color(
            "word:N", title=None, sort=list(_CELLS), legend=alt.Legend(orient="bottom"),
            scale=alt.Scale(domain=present, range=[_CELLS[word] for word in present]),
        )
    )  # fmt: skip
    text = base.mark_text(fontSize=12).encode(
        text="shown:N", color=alt.Color("ink:N", scale=None, legend=None)
    )
    return alt.layer(cell, text).properties(height=90 + 32 * rows)


def against_objective(newest: pl.DataFrame) -> alt.LayerChart:
    """Draw the newest restore of each instance in minutes, and the tick of its objective."""
    shown = newest.with_columns(
        minutes=pl.col("rto_s") / 60,
        objective=pl.col("objective_s") / 60,
        word=pl.when(pl.col("meets_rto")).then(pl.lit("kept the objective"))
        .when(pl.col("meets_rto").not_()).then(pl.lit("beyond the objective"))
        .otherwise(pl.lit("no objective")),
    )  # fmt: skip
    order = shown["instance_id"].to_list()
    colours = {
        "kept the objective": COLOURS["ok"],
        "beyond the objective": COLOURS["breached"],
        "no objective": COLOURS["unknown"],
    }
    present = [word for word in colours if word in set(shown["word"])]
    base = alt.Chart(shown).encode(
        y=alt.Y("instance_id:N", title=None, sort=order, axis=alt.Axis(labelLimit=240, grid=True)),
        tooltip=[
            alt.Tooltip("instance_id:N", title="instance"),
            alt.Tooltip("minutes:Q", format=".1f"),
            alt.Tooltip("objective:Q", format=".0f", title="objective, minutes"),
            alt.Tooltip("ratio:Q", format=".2f", title="of the objective"),
        ],
    )
    axis = alt.X("minutes:Q", title="minutes, logarithmic", scale=alt.Scale(type="log", nice=True))
    line = base.mark_rule(color=marks.GREY, opacity=0.5).encode(x=axis, x2="objective:Q")
    tick = base.mark_tick(thickness=3, size=16, color=marks.GREY).encode(x="objective:Q")
    dot = base.mark_circle(size=110, opacity=1).encode(
        x=axis,
        color=alt.Color(
            "word:N", title=None, legend=alt.Legend(orient="top"),
            scale=alt.Scale(domain=present, range=[colours[word] for word in present]),
        ),
    )  # fmt: skip
    return alt.layer(line, tick, dot).properties(height=95 + 22 * shown.height)


def over_time(restores: pl.DataFrame, monthly: pl.DataFrame) -> alt.LayerChart:
    """Draw restore time as a share of the objective over time, with p50 and p95 by month."""
    base = alt.Chart(restores).encode(
        x=marks.time("requested_at", days=True),
        y=alt.Y(
            "ratio:Q", title="restore time ÷ objective, logarithmic",
            scale=alt.Scale(type="log"), axis=alt.Axis(format="~p", tickCount=5),
        ),
        tooltip=[
            alt.Tooltip("instance_id:N", title="instance"),
            alt.Tooltip("requested_at:T", title="asked for", format="%d %b %Y %H:%M"),
            alt.Tooltip("ratio:Q", format=".1%", title="of the objective"),
        ],
    )  # fmt: skip
    layers = [base.mark_circle(color=marks.BLUE, size=40, opacity=0.45)]
    if monthly.height:
        middle = monthly.with_columns(moment=pl.col("month").cast(pl.Datetime).dt.offset_by("14d"))
        long = middle.unpivot(["p50", "p95"], index=["moment", "n"], variable_name="line")
        layers.append(
            alt.Chart(long)
            .mark_line(point=True, strokeWidth=2.5)
            .encode(
                x="moment:T",
                y="value:Q",
                color=alt.Color(
                    "line:N", title=None, legend=alt.Legend(orient="top"),
                    scale=alt.Scale(domain=["p50", "p95"], range=[marks.SKY, "#E69F00"]),
                ),
                tooltip=["line:N", alt.Tooltip("value:Q", format=".1%"), "n:Q"],
            )
        )  # fmt: skip
    layers.append(marks.target(1, title="objective"))
    return alt.layer(*layers).properties(height=280)


def ages(counted: pl.DataFrame) -> alt.Chart:
    """Draw how long ago the newest proof was, by tier, never first."""
    present = [age for age in _AGES if age in set(counted["age"])]
    rank = {age: number for number, age in enumerate(_AGES)}
    shown = counted.with_columns(rank=pl.col("age").replace_strict(rank, return_dtype=pl.Int64))
    return (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            y=alt.Y("part:N", title=None, axis=alt.Axis(ticks=False, domain=False)),
            x=alt.X("instances:Q", title="instances", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "age:N", title=None, sort=present, legend=alt.Legend(orient="top"),
                scale=alt.Scale(domain=present, range=[_AGES[age] for age in present]),
            ),
            order="rank:Q",
            tooltip=["part:N", "age:N", "instances:Q", "overdue:Q"],
        )
        .properties(height=120 + 36 * shown["part"].n_unique())
    )  # fmt: skip


def bases(counts: dict[str, int], words: dict[str, str]) -> alt.Chart:
    """Draw how many estimates rest on what, as one bar."""
    rows = [
        {"basis": words[basis], "n": n, "rank": rank}
        for rank, (basis, n) in enumerate(counts.items())
    ]
    return (
        alt.Chart(pl.DataFrame(rows))
        .mark_bar(height=26)
        .encode(
            x=alt.X("n:Q", title="instances", stack="zero", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "basis:N", title=None, legend=alt.Legend(orient="top", labelLimit=400),
                scale=alt.Scale(
                    domain=[words[basis] for basis in counts],
                    range=[BASES[basis] for basis in counts],
                ),
            ),
            order="rank:Q",
            tooltip=["basis:N", "n:Q"],
        )
        .properties(height=140)
    )  # fmt: skip


def backtest(rows: pl.DataFrame) -> alt.LayerChart:
    """Draw what restores took against what had been predicted; above the line was slower."""
    shown = rows.drop_nulls("actual_s").with_columns(
        predicted=pl.col("p50_s") / 60, actual=pl.col("actual_s") / 60
    )
    least = float(min(shown["predicted"].min(), shown["actual"].min()))
    most = float(max(shown["predicted"].max(), shown["actual"].max()))
    edge = pl.DataFrame({"predicted": [least, most], "actual": [least, most]})
    log = alt.Scale(type="log", domain=[least / 1.2, most * 1.2], nice=False)
    x = alt.X("predicted:Q", title="predicted median, minutes", scale=log)
    y = alt.Y("actual:Q", title="took, minutes", scale=log)
    same = alt.Chart(edge).mark_line(color=marks.GREY, strokeDash=[2, 3]).encode(x=x, y=y)
    present = [basis for basis in BASES if basis in set(shown["basis"])]
    dots = (
        alt.Chart(shown)
        .mark_circle(size=50, opacity=0.7)
        .encode(
            x=x, y=y,
            color=alt.Color(
                "basis:N", title="predicted from", legend=alt.Legend(orient="top"),
                scale=alt.Scale(domain=present, range=[BASES[basis] for basis in present]),
            ),
            tooltip=[
                alt.Tooltip("instance_id:N", title="instance"),
                alt.Tooltip("predicted:Q", format=".1f"),
                alt.Tooltip("actual:Q", format=".1f"),
                "basis:N",
            ],
        )
    )  # fmt: skip
    return alt.layer(same, dots).properties(height=300)
