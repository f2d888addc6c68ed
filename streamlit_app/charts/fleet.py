"""Charts of the whole fleet: the Overview.

Belongs here: how the fleet is drawn. Does not belong here: one instance.
"""

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS


def compliance(trend: pl.DataFrame, *, target: float) -> alt.LayerChart:
    """Draw compliance by day against its target."""
    low = min(float(trend["compliance"].min() or 0), target)
    scale = alt.Scale(domain=[max(low - 0.02, 0), 1], nice=False)
    base = alt.Chart(trend).encode(
        x=marks.time("day", days=True),
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
    goal = marks.target(target, title="target")
    return alt.layer(line, dots, goal).properties(height=240)
