"""Charts of volumes and links: the fan of a forecast, growth by part, the room of a link by hour.

Belongs here: how they are drawn. Does not belong here: queries, words.
"""

from datetime import datetime, timedelta
from typing import Any

import altair as alt
import polars as pl

from streamlit_app.charts import marks
from streamlit_app.status import COLOURS, size

_LOAD = alt.Scale(
    domain=[0, 0.5, 0.8, 1], range=["#dbe9f6", marks.SKY, COLOURS["approaching"], "#D55E00"],
    clamp=True, interpolate="rgb",
)  # fmt: skip
_FEW_DAYS = timedelta(days=25)


def fan(
    past: pl.DataFrame, ahead: pl.DataFrame, *, capacity: float | None, full_at: dict[str, Any]
) -> alt.LayerChart:
    """Draw what was used, what is expected with its bands, and where that meets the capacity.

    Args:
        past: `day`, `used_bytes`.
        ahead: `day`, `mean_bytes` and the edges of the bands; may be empty.
        capacity: Bytes that can be used at all; None: unknown.
        full_at: `p10`, `p50`, `p90`: when it is full; None: not in sight.
    """
    tops = [past["used_bytes"].max(), capacity, *ahead.select(pl.col("hi95_bytes").max()).row(0)]
    most = 1.05 * max(float(top) for top in tops if top is not None)
    layers = [_band(ahead, "95", 0.16), _band(ahead, "80", 0.3)] if ahead.height else []
    base = alt.Chart(past).encode(
        x=marks.time("day", days=True),
        y=marks.bytes_axis("used_bytes", most=most),
        tooltip=[
            alt.Tooltip("day:T", title="day (UTC)"),
            alt.Tooltip("used:N", title="peak of the day"),
        ],
    )
    spoken = past.with_columns(used=_sizes(past, "used_bytes"))
    layers.append(base.properties(data=spoken).mark_line(color=marks.BLUE, strokeWidth=2.5))
    if ahead.height:
        layers.append(_expected(ahead))
    if capacity is not None:
        layers.append(marks.target(capacity, title="capacity, bytes"))
        layers += _meeting(capacity, full_at)
    return alt.layer(*layers).properties(height=340)


def _band(ahead: pl.DataFrame, width: str, opacity: float) -> alt.Chart:
    return (
        alt.Chart(ahead)
        .mark_area(color=marks.SKY, opacity=opacity)
        .encode(
            x=marks.time("day", days=True),
            y=alt.Y(f"lo{width}_bytes:Q", title=None),
            y2=f"hi{width}_bytes:Q",
        )
    )


def _expected(ahead: pl.DataFrame) -> alt.Chart:
    columns = {"expected": "mean_bytes", "low": "lo80_bytes", "high": "hi80_bytes"}
    spoken = ahead.with_columns(_sizes(ahead, name).alias(word) for word, name in columns.items())
    return (
        alt.Chart(spoken)
        .mark_line(color=marks.BLUE, strokeDash=[5, 3], strokeWidth=2)
        .encode(
            x=marks.time("day", days=True),
            y=alt.Y("mean_bytes:Q", title=None),
            tooltip=[
                alt.Tooltip("day:T", title="day (UTC)"),
                "expected:N",
                alt.Tooltip("low:N", title="80 % above"),
                alt.Tooltip("high:N", title="80 % below"),
            ],
        )
    )


def _meeting(capacity: float, full_at: dict[str, Any]) -> list[alt.Chart]:
    """Return the bar from p10 to p90 on the line of the capacity, and the dot of p50."""
    marked: list[alt.Chart] = []
    first, last = full_at.get("p10"), full_at.get("p90")
    if first is not None and last is not None:
        span = pl.DataFrame({"from": [first], "to": [last], "y": [capacity]})
        marked.append(
            alt.Chart(span)
            .mark_bar(color=COLOURS["breached"], height=8, opacity=0.75)
            .encode(x=alt.X("from:T", title=None), x2="to:T", y=alt.Y("y:Q", title=None),
                    tooltip=[alt.Tooltip("from:T", title="full at, p10"),
                             alt.Tooltip("to:T", title="p90")])
        )  # fmt: skip
    if full_at.get("p50") is not None:
        dot = pl.DataFrame({"at": [full_at["p50"]], "y": [capacity]})
        marked.append(
            alt.Chart(dot)
            .mark_point(color=COLOURS["breached"], filled=True, size=110, shape="diamond",
                        opacity=1)
            .encode(x="at:T", y="y:Q", tooltip=[alt.Tooltip("at:T", title="expected to be full")])
        )  # fmt: skip
    return marked


def dates(
    rows: list[tuple[str, datetime | None, datetime | None, datetime | None]], *, until: datetime
) -> alt.LayerChart:
    """Draw when a volume is full, as it is and as it would be: a bar from p10 to p90, p50 on it.

    Args:
        rows: Name, and the moments p10, p50, p90; one without p10 is left out.
        until: Where a bar ends that has no p90.
    """
    names = [name for name, *_ in rows]
    ends = [last or until for _, first, _, last in rows if first is not None]
    known = [moment for _, *moments in rows for moment in moments if moment is not None] + ends
    is_short = max(known) - min(known) < _FEW_DAYS
    axis = alt.Axis(
        format="%d %b" if is_short else "%d %b %Y", grid=True, labelOverlap=True,
        tickCount=alt.TimeIntervalStep(interval="day", step=1) if is_short else alt.Undefined,
    )  # fmt: skip
    shown = pl.DataFrame(
        [(name, first, middle, last or until)
         for name, first, middle, last in rows if first is not None],
        schema={"what": pl.String, "p10": pl.Datetime, "p50": pl.Datetime, "p90": pl.Datetime},
        orient="row",
    )  # fmt: skip
    what = alt.Y("what:N", title=None, sort=names, scale=alt.Scale(domain=names))
    colour = alt.Color(
        "what:N", legend=None, scale=alt.Scale(domain=names, range=[marks.GREY, marks.BLUE])
    )
    tips = [alt.Tooltip(f"{p}:T", title=p) for p in ("p10", "p50", "p90")]
    bar = alt.Chart(shown).mark_bar(height=14, opacity=0.55)
    dot = alt.Chart(shown).mark_point(filled=True, size=120, shape="diamond", opacity=1)
    return alt.layer(
        bar.encode(x=alt.X("p10:T", title=None, axis=axis),
                   x2="p90:T", y=what, color=colour, tooltip=tips),
        dot.encode(x="p50:T", y=what, color=colour, tooltip=tips),
    ).properties(height=110)  # fmt: skip


def waterfall(parts: pl.DataFrame) -> alt.LayerChart:
    """Draw what each part grew or shrank by, one step after the other, and the sum.

    Args:
        parts: `name`, `change_bytes`, in the order of the steps.
    """
    steps, level = [], 0.0
    for name, change in parts.select("name", "change_bytes").iter_rows():
        steps.append((name, level, level + change, change, "grew" if change >= 0 else "shrank"))
        level += change
    steps.append(("in all", 0.0, level, level, "in all"))
    names = [step[0] for step in steps]
    frame = pl.DataFrame(steps, orient="row", schema=["name", "from", "to", "change", "way"])
    shown = frame.with_columns(label=_signed(frame["change"]), top=pl.max_horizontal("from", "to"))
    x = alt.X("name:N", title=None, sort=names, axis=alt.Axis(labelAngle=0, labelLimit=120))
    bars = (
        alt.Chart(shown)
        .mark_bar(size=38)
        .encode(
            x=x,
            y=marks.bytes_axis("from").scale(padding=18),
            y2="to:Q",
            color=alt.Color(
                "way:N",
                legend=alt.Legend(orient="top", title=None),
                scale=alt.Scale(
                    domain=["grew", "shrank", "in all"],
                    range=[COLOURS["approaching"], marks.SKY, marks.GREY],
                ),
            ),
            tooltip=[alt.Tooltip("name:N", title="part"), alt.Tooltip("label:N", title="change")],
        )
    )
    text = (
        alt.Chart(shown)
        .mark_text(dy=-8, fontSize=12, color=marks.GREY)
        .encode(x=x, y=alt.Y("top:Q", title=None), text="label:N")
    )
    return alt.layer(bars, text).properties(height=280)


def room_by_hour(hours: pl.DataFrame) -> alt.Chart:
    """Draw how full a link was by day and hour; an hour that nobody measured stays empty.

    Args:
        hours: `hour` on the reader's clock, `used_share`, `backups` and `used_bytes_s` as text.
    """
    shown = hours.with_columns(day=pl.col("hour").dt.date(), of_day=pl.col("hour").dt.hour())
    return (
        alt.Chart(shown)
        .mark_rect()
        .encode(
            x=alt.X("day:O", title=None, timeUnit="yearmonthdate",
                    axis=alt.Axis(format="%d %b", labelAngle=0, labelOverlap=True)),
            y=alt.Y("of_day:O", title="hour of the day"),
            color=alt.Color("used_share:Q", scale=_LOAD,
                            legend=alt.Legend(title="used, p95", format=".0%", orient="right")),
            tooltip=[
                alt.Tooltip("hour:T", title="hour", format="%d %b %H:%M"),
                alt.Tooltip("used_share:Q", title="used, p95", format=".0%"),
                alt.Tooltip("room:N", title="room"),
                alt.Tooltip("backups:Q", title="backups running"),
            ],
        )
        .properties(height=330)
    )  # fmt: skip


def _sizes(frame: pl.DataFrame, column: str) -> pl.Series:
    return frame[column].map_elements(size, return_dtype=pl.String, skip_nulls=False)


def _signed(changes: pl.Series) -> pl.Series:
    return pl.Series([f"{'+' if change >= 0 else ''}{size(change)}" for change in changes])
