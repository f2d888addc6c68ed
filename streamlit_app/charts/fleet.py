"""Charts of the whole fleet: the Overview.

Belongs here: how the fleet is drawn. Does not belong here: one instance.
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS, SIGNS

_WORST_FIRST = ("breached", "unknown", "approaching", "ok")
_FILLS = {"breached": COLOURS["breached"], "unknown": "#9aa1ac", "approaching": "#f3c58a",
          "ok": "#8fd0b9"}  # fmt: skip
_WORDS = {"breached": "breached", "unknown": "unknown", "approaching": "at risk", "ok": "ok"}


def cells(counted: pl.DataFrame) -> pl.DataFrame:
    """Return one row a tier and database type: its worst status, and how many have it.

    Args:
        counted: `tier`, `db_type`, `status`, `instances`.
    """
    rank = {status: number for number, status in enumerate(_WORST_FIRST)}
    ranked = counted.with_columns(
        rank=pl.col("status").replace_strict(rank, return_dtype=pl.Int64)
    ).sort("rank")
    return (
        ranked.group_by("tier", "db_type", maintain_order=True)
        .agg(
            pl.col("status").first(),
            pl.col("instances").first().alias("so"),
            pl.col("instances").sum().alias("total"),
        )
        .sort("tier", "db_type")
        .with_columns(
            word=pl.col("status").replace_strict(_WORDS, return_dtype=pl.String),
            told=pl.col("status").replace_strict(SIGNS, return_dtype=pl.String)
            + pl.format(" {} of {}", "so", "total"),
            row=pl.format("tier {}", pl.col("tier").fill_null(0)).replace("tier 0", "no tier"),
            column=pl.col("db_type").fill_null("unknown"),
            cell=pl.format(
                "{}|{}",
                pl.col("tier").cast(pl.String).fill_null(""),
                pl.col("db_type").fill_null(""),
            ),
        )
    )


def matrix(counted: pl.DataFrame) -> alt.LayerChart:
    """Draw tier by database type by the worst status; a click is the selection `pick`."""
    shown = cells(counted)
    present = [_WORDS[status] for status in _WORST_FIRST if status in set(shown["status"])]
    fills = {_WORDS[status]: fill for status, fill in _FILLS.items()}
    base = alt.Chart(shown).encode(
        x=alt.X("column:N", title=None,
                axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False)),
        y=alt.Y("row:N", title=None, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=["row:N", "column:N", "word:N", "so:Q", "total:Q"],
    )  # fmt: skip
    rect = base.mark_rect(cornerRadius=3, stroke="#8882").encode(
        color=alt.Color(
            "word:N", title=None, sort=present, legend=alt.Legend(orient="bottom"),
            scale=alt.Scale(domain=present, range=[fills[word] for word in present]),
        )
    )  # fmt: skip
    rect = rect.add_params(alt.selection_point(name="pick", fields=["cell"], on="click"))
    text = base.mark_text(fontSize=13).encode(
        text="told:N",
        color=alt.condition("datum.word === 'breached'", alt.value("white"), alt.value(marks.INK)),
    )
    return alt.layer(rect, text).properties(height=110 + 46 * shown["row"].n_unique())


def rules(counted: pl.DataFrame, *, chosen: str | None) -> alt.Chart:
    """Draw how many subjects break each rule; a click is the selection `pick`."""
    order = counted["rule"].unique(maintain_order=True).to_list()
    words = ("breached", "unknown", "approaching")
    present = [status for status in words if status in set(counted["status"])]
    shown = counted.with_columns(
        rank=pl.col("status").replace_strict(
            {status: number for number, status in enumerate(words)}, return_dtype=pl.Int64
        ),
        strength=pl.when(pl.lit(chosen).is_null() | pl.col("rule").eq_missing(chosen))
        .then(1.0)
        .otherwise(0.35),
    )
    return (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            y=alt.Y(
                "rule:N", title=None, sort=order,
                axis=alt.Axis(labelLimit=220, ticks=False, labelOverlap=False),
            ),
            x=alt.X("subjects:Q", title="subjects", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "status:N", title=None, sort=present, legend=alt.Legend(orient="top", columns=1),
                scale=alt.Scale(domain=present, range=[COLOURS[one] for one in present]),
            ),
            order="rank:Q",
            opacity=alt.Opacity("strength:Q", scale=None, legend=None),
            tooltip=["rule:N", "status:N", "subjects:Q"],
        )
        .add_params(alt.selection_point(name="pick", fields=["rule"], on="click"))
        .properties(height=150 + 18 * len(order))
    )  # fmt: skip
