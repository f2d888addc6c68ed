"""Charts of alerting itself: which rules speak, and how much of it is noise.

Belongs here: how they are drawn. Does not belong here: queries, words.
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks

_KINDS = {
    "over in 15 minutes, nobody cared": marks.GREY,
    "taken care of": marks.BLUE,
    "other": marks.SKY,
}


def noise(rules: pl.DataFrame) -> alt.Chart:
    """Draw the alerts of each rule, and which of them were noise.

    Args:
        rules: `rule`, `episodes`, `short_lived`, `acknowledged`; in the order to be shown.
    """
    names = rules["rule"].to_list()
    counts = {
        "over in 15 minutes, nobody cared": rules["short_lived"],
        "taken care of": rules["acknowledged"],
        "other": rules["episodes"] - rules["short_lived"] - rules["acknowledged"],
    }
    shown = pl.concat(
        pl.DataFrame({"rule": names, "kind": kind, "alerts": column.clip(lower_bound=0)})
        for kind, column in counts.items()
    ).with_columns(order=pl.col("kind").replace_strict(list(_KINDS), list(range(len(_KINDS)))))
    return (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            y=alt.Y(
                "rule:N", sort=names, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)
            ),
            x=alt.X("alerts:Q", title="alerts", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                sort=list(_KINDS),
                scale=alt.Scale(domain=list(_KINDS), range=list(_KINDS.values())),
                legend=alt.Legend(orient="top", title=None, labelLimit=300),
            ),
            order="order:Q",
            tooltip=["rule:N", "kind:N", "alerts:Q"],
        )
        .properties(height=alt.Step(22))
    )
