"""More of the Alerts page: what went out on which channel, how fast people were, what is over.

Belongs here: one section each, its figures, chart and table. Does not belong here: SQL, how a
chart is drawn, what is open (see `panels.alerts`).
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, urlstate, zones
from streamlit_app.charts import alerts as charts
from streamlit_app.panels.alerts import soon
from streamlit_app.queries import alerts as queries
from streamlit_app.status import duration

_SENDING = {
    "sent": "● delivered",
    "pending": "◆ waiting",
    "dead": "▲ given up",
    "skipped": "○ not needed",
}
_LOG_ROWS = 200
_PAST_ROWS = 500
_RULES_SHOWN = 15


def channels() -> None:
    """Show what arrived where, what waits, and what was given up."""
    found = queries.look(lambda board: board.channels())
    if not found:
        st.info("No message was ever sent.", icon=":material/help:")
        return
    st.dataframe(
        pl.DataFrame(
            {
                "channel": [row["receiver"] for row in found],
                "state": [_channel(row) for row in found],
                "delivered": [row["sent"] for row in found],
                "waiting": [row["pending"] for row in found],
                "tried in vain": [row["retrying"] for row in found],
                "given up": [row["dead"] for row in found],
                "last delivered": [zones.moment(row["last_sent_at"]) for row in found],
                "oldest waiting": [zones.moment(row["oldest_pending_at"]) for row in found],
            }
        ),
        hide_index=True,
        alt="Channels: messages that arrived, wait, and were given up",
    )
    left, right = st.columns(2)
    names = [row["receiver"] for row in found]
    receiver = urlstate.select("Channel", names, "channel", left) or ""
    states = urlstate.multiselect("Messages", list(_SENDING), "sending", right)
    log = queries.look(
        lambda board: board.deliveries(receiver=receiver, states=states, rows=_LOG_ROWS)
    )
    if not log:
        st.info("0 messages match.")
        return
    st.dataframe(
        pl.DataFrame(
            {
                "queued": [zones.moment(row["created_at"]) for row in log],
                "channel": [row["receiver"] for row in log],
                "message": [row["kind"] for row in log],
                "alerts": [row["alerts"] for row in log],
                "state": [_SENDING.get(row["state"], row["state"]) for row in log],
                "tries": [row["attempts"] for row in log],
                "done": [zones.moment(row["done_at"]) for row in log],
                "next try": [soon(row["next_try_at"]) for row in log],
                "error": [row["error"] or "" for row in log],
            }
        ),
        hide_index=True,
        alt="Messages, the newest first",
    )
    if len(log) == _LOG_ROWS:
        st.caption(f"The newest {_LOG_ROWS}.")


def figures(at: Snapshot) -> None:
    """Show how fast people were, and which rules are noise."""
    window = urlstate.segments(
        "Window", ["7 days", "30 days", "90 days"], "days", default="30 days"
    )
    days = int(window.split()[0])
    row = queries.response(at, days)
    if not row["episodes"]:
        st.info(
            f"No alert of the last {window} is in this snapshot: the journal is exported with each"
            " evaluation that is published.",
            icon=":material/help:",
        )
        return
    tiles = st.columns(5)
    tiles[0].metric("Alerts", f"{row['episodes']}")
    tiles[1].metric("Told after", duration(row["time_to_tell_s"]), help="Median")
    tiles[2].metric(
        "Taken after (MTTA)", duration(row["time_to_acknowledge_s"]),
        help=f"Median of the {row['acknowledged']} that somebody took care of",
    )  # fmt: skip
    tiles[3].metric(
        "Over after (MTTR)", duration(row["time_to_resolve_s"]),
        help=f"Median of the {row['resolved']} that are over",
    )  # fmt: skip
    tiles[4].metric("Messages given up", f"{int(row['undelivered'])}")
    rules = queries.noise(at, days)
    explain.last_query()
    st.altair_chart(
        charts.noise(rules.head(_RULES_SHOWN)),
        width="stretch",
        alt="Alerts of each rule, and which of them were noise",
    )
    if rules.height > _RULES_SHOWN:
        st.caption(f"The noisiest {_RULES_SHOWN} of {rules.height} rules.")


def past(at: Snapshot) -> None:
    """Show alerts as they were exported into the snapshot."""
    found = queries.past(at, 30, _PAST_ROWS)
    explain.last_query()
    if found.is_empty():
        st.info("No alert of the last 30 days is in this snapshot.", icon=":material/help:")
        return
    moments = ("started_at", "acknowledged_at", "resolved_at")
    st.dataframe(
        found.select(
            "severity", "rule", pl.col("subject_id").alias("subject"), "team",
            *(pl.col(name).map_elements(zones.moment, return_dtype=pl.String, skip_nulls=False)
              .alias(name.removesuffix("_at")) for name in moments),
            pl.col("acknowledged_by").alias("by"), "messages", "undelivered", "flapping",
        ),
        hide_index=True,
        alt="Alerts of the last 30 days, the newest first",
    )  # fmt: skip
    if found["total"][0] > found.height:
        st.caption(f"The newest {found.height} of {found['total'][0]}.")


def _channel(row: dict[str, Any]) -> str:
    if row["dead"]:
        return "▲ some were given up"
    if row["paused_until"]:
        return f"◆ asked us to wait until {zones.moment(row['paused_until'])}"
    return "◆ does not take them" if row["retrying"] else "● takes them"
