"""Sections of the Alerts page: what is open, what is kept quiet, what went out, how it went.

Belongs here: one section each, its heading, figures, chart and table. Does not belong here: SQL,
how a chart is drawn, the order of the page, what a button does (see `action_forms`).
"""

from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.alerting.board import GROUPS
from cbcr_assets.warehouse import Snapshot
from streamlit_app import action_forms, explain, navigation, tables, urlstate, zones
from streamlit_app.charts import alerts as charts
from streamlit_app.queries import alerts as queries
from streamlit_app.status import duration, plain

SEVERITIES = {"critical": "▲ critical", "warning": "◆ warning", "info": "○ info"}
_STATES = {
    "open": "open",
    "held": "flapping",
    "stale": "○ nobody speaks of it any more",
}
_BY = {"rule": "rule", "team": "team", "severity": "severity", "kind of subject": "subject_kind"}
_SENDING = {
    "sent": "● delivered",
    "pending": "◆ waiting",
    "dead": "▲ given up",
    "skipped": "○ not needed",
}
_MOST_FORMS = 20
_LOG_ROWS = 200
_PAST_ROWS = 500
_RULES_SHOWN = 15


def groups() -> dict[str, str]:
    """Show open alerts by a label; return the label and value that the address chooses."""
    by = _BY[urlstate.segments("Grouped by", list(_BY), "by", default="rule")]
    found = queries.look(lambda board: board.groups(by))
    chosen = {name: st.query_params[name] for name in GROUPS if name in st.query_params}
    members = [row["member"] for row in found]
    tables.picker(
        pl.DataFrame(
            {
                by.replace("_", " "): [member or "none" for member in members],
                "open": [row["alerts"] for row in found],
                "critical": [row["critical"] for row in found],
                "nobody has it": [row["untaken"] for row in found],
                "taken": [row["acked"] for row in found],
                "kept quiet": [row["muted"] for row in found],
                "since": [zones.moment(row["since"]) for row in found],
                "next step": [_soon(row["next_step_at"]) for row in found],
            }
        ),
        members,
        key="groups",
        page="alerts",
        parameter=by,
        alt=f"Open alerts by {by}",
        labels=[member or "none" for member in members],
    )
    return chosen


def incidents(chosen: dict[str, str]) -> None:
    """Show open alerts one by one; the selected one with what can be done about it."""
    word = urlstate.text("Subject contains", "q")
    page = urlstate.number("p", default=1, most=1_000_000)
    skip = (page - 1) * tables.PAGE_ROWS
    rows = queries.look(
        lambda board: board.incidents(chosen, word=word, rows=tables.PAGE_ROWS, skip=skip)
    )
    if chosen:
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in chosen.items())
        st.caption(f"Only {plain(said)}.")
        navigation.clear_filters("alerts")
    if not rows:
        st.info("0 alerts match.")
        return
    picked = tables.picker(
        pl.DataFrame(
            {
                "severity": [SEVERITIES.get(row["severity"], row["severity"]) for row in rows],
                "rule": [row["rule"] for row in rows],
                "subject": [row["subject_id"] for row in rows],
                "what": [row["summary"] for row in rows],
                "since": [zones.moment(row["started_at"]) for row in rows],
                "state": [_state(row) for row in rows],
                "escalation": [_escalation(row) for row in rows],
                "messages": [_messages(row) for row in rows],
                "team": [row["team"] for row in rows],
            }
        ),
        [row["fingerprint"] for row in rows],
        key="incidents",
        page="alerts",
        parameter="alert",
        alt="Open alerts, the worst and oldest first",
        labels=[f"{row['rule']} of {row['subject_id']}" for row in rows],
        height="content" if len(rows) < _MOST_FORMS else "auto",
    )
    tables.pages("alerts", total=rows[0]["total"], number=page, noun="open alerts")
    one(picked or st.query_params.get("alert", ""))


def one(fingerprint: str) -> None:
    """Show one open alert, who is told next, and what can be done."""
    if not fingerprint:
        return
    found = queries.look(lambda board: board.incidents({"fingerprint": fingerprint}, rows=1))
    if not found:
        st.success("The alert of this address is over.", icon=":material/check_circle:")
        return
    row = found[0]
    name = f"{row['rule']} of {row['subject_id']}"
    with st.container(border=True):
        st.markdown(
            f"**{SEVERITIES.get(row['severity'], row['severity'])}: {plain(row['rule'])}** of"
            f" {plain(row['subject_id'])}, since {zones.moment(row['started_at'])}"
        )
        st.write(plain(row["summary"]))
        st.caption(f"{_state(row)} · {_escalation(row)} · {_messages(row)}")
        boxes = st.columns([1, 1, 1, 3])
        if row["subject_kind"] == "instance":
            navigation.link("instance", "Open the instance →", boxes[0], id=row["subject_id"])
        meant = action_forms.meant(
            rule=row["rule"], subject_kind=row["subject_kind"], subject_id=row["subject_id"]
        )
        with boxes[1]:
            action_forms.acknowledge(meant, what=name, place=f"alert/{fingerprint}")
        with boxes[2]:
            action_forms.silence(meant, what=name, place=f"alert/{fingerprint}")


def silences() -> None:
    """Show what keeps alerts quiet by a person's word."""
    rows = queries.all_silences()
    if not rows:
        st.caption("Nothing is silenced.")
        return
    for row in rows[:_MOST_FORMS]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        began = "until" if row["start"] <= zones.now() else "from {} until".format(
            zones.moment(row["start"])
        )  # fmt: skip
        left.markdown(
            f"**{plain(row['matchers']) or 'everything'}** {began} {zones.moment(row['end'])},"
            f" by {plain(row['by'])}: {plain(row['comment']) or 'no reason given'}"
        )
        with right:
            action_forms.end_silence(row["id"], what=row["matchers"], place=f"silence/{row['id']}")
    if len(rows) > _MOST_FORMS:
        st.caption(f"The first {_MOST_FORMS} to end of {len(rows)}; `cbcr alerts list --silences`.")


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
                "next try": [_soon(row["next_try_at"]) for row in log],
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


def _state(row: dict[str, Any]) -> str:
    if row["acked_by"]:
        until = f" until {zones.moment(row['acked_until'])}" if row["acked_until"] else ""
        return f"taken by {plain(row['acked_by'])}{until}"
    if row["muted_by"]:
        return f"quiet: {row['muted_by']}"
    state = _STATES.get(row["state"], row["state"])
    return f"{state}, unknown" if row["status"] == "unknown" else state


def _escalation(row: dict[str, Any]) -> str:
    if not row["steps"]:
        return "–"
    told = f"step {row['step']} of {row['steps']}"
    if row["next_step_at"] is not None:
        return f"{told}, {row['next_receiver']} {_soon(row['next_step_at'])}"
    return f"{told}, stands still" if row["step"] < row["steps"] else f"{told}, all told"


def _messages(row: dict[str, Any]) -> str:
    waits = f"◆ {row['pending']} waiting" if row["pending"] else ""
    dead = f"▲ {row['dead']} given up" if row["dead"] else ""
    return ", ".join(filter(None, (waits, dead))) or "● delivered"


def _channel(row: dict[str, Any]) -> str:
    if row["dead"]:
        return "▲ some were given up"
    if row["paused_until"]:
        return f"◆ asked us to wait until {zones.moment(row['paused_until'])}"
    return "◆ does not take them" if row["retrying"] else "● takes them"


def _soon(at: datetime | None) -> str:
    if at is None:
        return "–"
    left_s = (at - zones.now()).total_seconds()
    return f"in {duration(left_s)}" if left_s > 0 else "due"
