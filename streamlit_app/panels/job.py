"""What one attempt was: its headline, facts, phases, and what its source said about it.

Belongs here: sections of the Job page about the attempt alone. Does not belong here: what ran
around it (see `job_around`), SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import evidence, explain, strips, zones
from streamlit_app.charts import job as charts
from streamlit_app.queries import job as queries
from streamlit_app.status import COLOURS, STATES, duration, plain, size, state


def headline(at: Snapshot, job: dict[str, Any]) -> None:
    """Say what became of it, in one sentence."""
    word = job["state"]
    about = f"{job['backup_type']} backup of {job['instance_id'] or job['native_instance']}"
    took = f" after {duration(job['duration_s'])}" if job["duration_s"] is not None else ""
    why = ""
    if job["error_text"] or job["error_code"]:
        code = f"[{job['error_code']}] " if job["error_code"] else ""
        said = job["error_text"] or "the tool gave no reason"
        why = f": {said}" if said.startswith("[") else f": {code}{said}"
    elif word == "lost":
        why = ": it began and never said that it ended"
    elif word == "running":
        why = f": it had not ended when this data was published, {zones.moment(at.published_at)}"
    strips.strip(STATES.get(word, COLOURS["unknown"]), f"{state(word)}{took}", f"{about}{why}")


def facts(job: dict[str, Any]) -> None:
    """Show every fact of the attempt that its source told."""
    tiles = st.columns([3, 2, 2, 2, 4])
    tiles[0].metric("Started", zones.brief(job["started_at"]), help=zones.moment(job["started_at"]))
    tiles[1].metric("Took", duration(job["duration_s"]))
    tiles[2].metric("Read", size(job["source_bytes"]), help="Bytes read from the database")
    tiles[3].metric(
        "Written", size(job["transferred_bytes"]), help="Bytes written to the repository"
    )
    tiles[4].metric("Team · tier", f"{job['team'] or '–'} · {job['tier'] or '–'}")
    rows = {
        "source": job["source_id"], "attempt": job["attempt_key"], "tool": job["tool"],
        "repository": job["repo"], "worker": job["worker"], "volume": job["storage_volume"],
        "network link": job["network_link"], "due": _moment(job["scheduled_at"]),
        "started": _moment(job["started_at"]), "ended": _moment(job["finished_at"]),
        "first heard of": _moment(job["first_seen_at"]),
        "last heard of": _moment(job["last_seen_at"]), "heard by": job["evidence"],
        "exit code": job["exit_code"], "error code": job["error_code"],
        "class of error": job["error_class"], "name in the source": job["native_instance"],
        "backup set": job["backup_label"],
    }  # fmt: skip
    told = [(name, str(value)) for name, value in rows.items() if value not in (None, "")]
    untold = [name for name, value in rows.items() if value in (None, "")]
    with st.expander("All facts of this attempt"):
        st.dataframe(
            pl.DataFrame(told, schema=["fact", "value"], orient="row"),
            hide_index=True, alt="All facts of this attempt", height="content",
        )  # fmt: skip
        if untold:
            st.caption(f"Its source did not tell: {', '.join(untold)}.")


def _moment(value: Any) -> str | None:
    return zones.moment(value) if value is not None else None


def log(at: Snapshot, job: dict[str, Any]) -> None:
    """Show the lines of the source's own words that are about this attempt."""
    sql = explain.heading("What its source said")
    called = evidence.names(job["attempt_key"], job["backup_label"], job["error_text"])
    found = queries.evidence(at, job, called)
    explain.last_query(sql)
    shown = False
    for row in found.iter_rows(named=True):
        text = evidence.excerpt(row["payload"], called)
        if text and not (shown and "log" not in row["kind"]):
            st.code(text, language=None, wrap_lines=True)
            st.caption(
                f"{plain(row['kind'])} of {plain(job['source_id'])}, read at"
                f" {zones.moment(row['observed_at'])}: {plain(row['native_id'])}"
            )
            shown = True
    if not shown:
        st.info(
            "Its own words are not kept any more, or it was imported without them.",
            icon=":material/help:",
        )


def phases(at: Snapshot, job: dict[str, Any]) -> None:
    """Show when it was due, started and ended, beside the other tries of the same run."""
    sql = explain.heading("Phases")
    run = queries.tries(at, job).with_columns(
        ended_at=pl.col("finished_at").fill_null(at.published_at)
    )
    explain.last_query(sql)
    began = run.drop_nulls("started_at")
    if began.is_empty():
        st.info("Nobody told when it started.", icon=":material/help:")
        return
    chart = charts.tries(zones.in_zone(began), job["attempt_key"])
    st.altair_chart(chart, width="stretch", alt="When each try of this run waited and ran")
    waited = ""
    if job["scheduled_at"] is not None and job["started_at"] is not None:
        late = (job["started_at"] - job["scheduled_at"]).total_seconds()
        waited = f"It was due at {zones.moment(job['scheduled_at'])}" + (
            f" and waited {duration(late)}. "
            if late >= 0
            else f", it began {duration(-late)} early. "
        )
    st.caption(f"{waited}Tries of this run: {run.height}. Grey: waiting; colours: running.")
