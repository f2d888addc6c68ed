"""Bars over time: what ran when, side by side where it ran at once.

Belongs here: bars of attempts, shared by Operations and Job. Does not belong here: which attempts.
"""

from datetime import datetime

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import STATES

_LANE_PX = 14
_LEAST_ROWS = 3
# The height of a chart counts its legend and its axis, too.
_AROUND_PX = 105
# A row is called by its group and its lane; only the first lane of a group is labelled.
_FIRST_LANE = r"split(datum.label, '\t')[1] == '0000' ? split(datum.label, '\t')[0] : ''"


def lanes(bars: pl.DataFrame, group: str) -> pl.DataFrame:
    """Return bars with `lane`: the first free one of their group, so that none hides another.

    Args:
        bars: `started_at`, `ended_at` and the group of each bar.
        group: Column of the group; lanes of one group lie together.
    """
    ordered = bars.sort(group, "started_at", nulls_last=True)
    free: dict[object, list[datetime]] = {}
    chosen = []
    for name, begin, end in ordered.select(group, "started_at", "ended_at").iter_rows():
        ends = free.setdefault(name, [])
        lane = next((n for n, until in enumerate(ends) if until <= begin), len(ends))
        ends[lane:] = [end, *ends[lane + 1 :]]
        chosen.append(lane)
    return ordered.with_columns(pl.Series("lane", chosen, dtype=pl.Int64))


def gantt(
    bars: pl.DataFrame,
    *,
    group: str,
    title: str,
    span: tuple[datetime, datetime],
    marked: str | None = None,
) -> alt.LayerChart:
    """Draw attempts as bars in the colours of their states, by group.

    Args:
        bars: `started_at`, `ended_at`, `state`, `attempt_key`, `instance_id`, `backup_type`,
            `error_code`, `took` and the group.
        group: Column that the bars are put together by.
        title: What the group is.
        span: First and last moment of the axis, on the reader's clock.
        marked: Key of an attempt that is outlined.
    """
    shown = lanes(bars, group).with_columns(
        row=pl.col(group).fill_null("unknown") + "\t" + pl.col("lane").cast(pl.String).str.zfill(4)
    )
    rows = shown["row"].n_unique()
    base = alt.Chart(shown).encode(
        x=alt.X(
            "started_at:T", title=None,
            scale=alt.Scale(domain=[alt.DateTime(**_parts(one)) for one in span], clamp=True),
            axis=alt.Axis(format="%d %b %H:%M", grid=True, gridOpacity=0.4, tickCount=8),
        ),
        x2="ended_at:T",
        y=alt.Y(
            "row:N", title=title or None, sort=None,
            axis=alt.Axis(
                labelExpr=_FIRST_LANE,
                ticks=False, domain=False, grid=False, labelLimit=260, labelOverlap=False,
            ),
        ),
        color=marks.states(STATES, shown["state"].unique().to_list(), title=None),
        tooltip=[
            alt.Tooltip("instance_id:N", title="instance"),
            alt.Tooltip("backup_type:N", title="type"),
            "state:N",
            alt.Tooltip("started_at:T", title="started", format="%d %b %H:%M:%S"),
            "took:N",
            alt.Tooltip("error_code:N", title="code"),
        ],
    )  # fmt: skip
    bar = base.mark_bar(cornerRadius=2, minBandSize=3)
    layers = [bar.encode(size=alt.value(_LANE_PX - 3))]
    # Too short to be seen as a bar: a tick at its start says that it was there.
    layers.append(base.mark_tick(thickness=2, size=_LANE_PX - 3).encode(x2=alt.Undefined))
    if marked is not None:
        mine = alt.datum.attempt_key == marked
        layers.append(
            base.transform_filter(mine)
            .mark_bar(filled=False, strokeWidth=2, stroke=marks.GREY)
            .encode(size=alt.value(_LANE_PX + 1))
        )
    height = max(rows, _LEAST_ROWS) * _LANE_PX + _AROUND_PX
    return alt.layer(*layers).properties(height=height)


def _parts(at: datetime) -> dict[str, int]:
    return {
        "year": at.year, "month": at.month, "date": at.day,
        "hours": at.hour, "minutes": at.minute, "seconds": at.second,
    }  # fmt: skip
