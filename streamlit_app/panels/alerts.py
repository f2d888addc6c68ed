"""Sections of the Alerts page: what is open, who is told next, what is kept quiet.

Belongs here: one section each, its heading, figures, chart and table. Does not belong here: SQL,
how a chart is drawn, the order of the page, what a button does (see `action_forms`).
"""

from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.alerting.board import GROUPS
from streamlit_app import action_forms, navigation, tables, urlstate, zones
from streamlit_app.queries import alerts as queries
from streamlit_app.status import duration, plain

SEVERITIES = {"critical": "▲ critical", "warning": "◆ warning", "info": "○ info"}
_STATES = {
    "open": "open",
    "held": "flapping",
    "stale": "○ nobody speaks of it any more",
}
_BY = {"rule": "rule", "team": "team", "severity": "severity", "kind of subject": "subject_kind"}
_MOST_FORMS = 20


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
                "next step": [soon(row["next_step_at"]) for row in found],
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
                "state": [_state(row) for row in rows],
                "since": [zones.brief(row["started_at"]) for row in rows],
                "escalation": [_escalation(row) for row in rows],
                "what": [row["summary"] for row in rows],
                "messages": [_messages(row) for row in rows],
                "team": [row["team"] or "–" for row in rows],
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
        parts = (_state(row), _escalation(row), _messages(row))
        st.caption(" · ".join(part for part in parts if part != "–"))
        boxes = st.columns([2, 2, 2, 1], vertical_alignment="center")
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
        is_running = row["start"] <= zones.now()
        began = "until" if is_running else f"from {zones.moment(row['start'])} until"
        left.markdown(
            f"**{plain(row['matchers']) or 'everything'}** {began} {zones.moment(row['end'])},"
            f" by {plain(row['by'])}: {plain(row['comment']) or 'no reason given'}"
        )
        with right:
            action_forms.end_silence(row["id"], what=row["matchers"], place=f"silence/{row['id']}")
    if len(rows) > _MOST_FORMS:
        st.caption(f"The first {_MOST_FORMS} to end of {len(rows)}; `cbcr alerts list --silences`.")


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
        return f"{told}, {row['next_receiver']} {soon(row['next_step_at'])}"
    return f"{told}, stands still" if row["step"] < row["steps"] else f"{told}, all told"


def _messages(row: dict[str, Any]) -> str:
    waits = f"◆ {row['pending']} waiting" if row["pending"] else ""
    dead = f"▲ {row['dead']} given up" if row["dead"] else ""
    return ", ".join(filter(None, (waits, dead))) or "● delivered"


def soon(at: datetime | None) -> str:
    """Return how long it is until a moment; a dash for nothing."""
    if at is None:
        return "–"
    left_s = (at - zones.now()).total_seconds()
    return f"in {duration(left_s)}" if left_s > 0 else "due"
