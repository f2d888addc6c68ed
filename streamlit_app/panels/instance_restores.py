"""The restores of one instance, how long the next would take, and its health.

Belongs here: those sections of the Instance page. Does not belong here: backups, SQL.
"""

from typing import Any

import polars as pl
import streamlit as st

from cbcr_assets.warehouse import Snapshot
from streamlit_app import explain, strips, zones
from streamlit_app.charts import instance as charts
from streamlit_app.queries import instance as queries
from streamlit_app.status import HEALTH, duration, plain
from streamlit_app.tables import said

_OUTCOMES = {
    "proven": "● proven",
    "untimed": "◐ proven, not timed",
    "unproven": "○ not verified",
    "contradictory": "○ contradictory stamps",
    "failed": "▲ failed",
    "running": "■ running",
    "cancelled": "◇ cancelled",
}
_BASES = {
    "measured": "own restores of the last 90 days",
    "own": "own restores, all older than 90 days",
    "peer": "restores of its peers only: nobody has restored this one",
    "unknown": "nothing",
}


def last_drill(proofs: pl.DataFrame) -> None:
    """Say what the newest restore has shown."""
    last = proofs.row(0, named=True)
    begun = last["requested_at"] or last["started_at"]
    if last["state"] == "failed" or last["verification"] == "failed":
        st.error(
            f"The restore of {zones.moment(begun)} failed: {plain(last['error_code'])}"
            f" {plain(last['error_text']) or 'the data was not what it should be'}",
            icon=":material/warning:",
        )
    elif last["rto_s"] is None:
        text = f"The restore of {zones.moment(begun)} was not verified, so it proves nothing."
        st.info(text, icon=":material/help:")
    else:
        verdict = "within" if last["meets_rto"] else "beyond"
        st.markdown(
            f"{zones.moment(begun)}: proven after **{duration(last['rto_s'])}**,"
            f" {verdict} the objective of {duration(last['objective_s'])}."
        )
        st.altair_chart(
            charts.phases({**last, "wait_s": last["queued_s"]}, objective_s=last["objective_s"]),
            width="stretch",
            alt="The phases of the last drill against the objective",
        )


def restores(at: Snapshot, instance_id: str) -> None:
    """Show the newest restore, all restores, and how long the next one would take."""
    sql = explain.heading("Restores and drills")
    proofs = queries.drills(at, instance_id)
    explain.last_query(sql)
    if proofs.is_empty():
        st.info("Never: nobody has shown that it can be restored.", icon=":material/help:")
    else:
        last_drill(proofs)
    _estimate(queries.estimate(at, instance_id))
    if proofs.is_empty():
        return
    st.dataframe(
        proofs.select(
            said("requested_at", zones.moment, "asked for"),
            "purpose",
            said("outcome", lambda word: _OUTCOMES.get(word, str(word))),
            said("rto_s", duration, "until proven"),
            said("objective_s", duration, "objective"),
            said("restore_s", duration, "restore"),
            said("recovery_s", duration, "recovery"),
            said("verify_s", duration, "verification"),
            pl.col("source_label").fill_null("").alias("set"),
            pl.col("error_text").fill_null("").alias("error"),
        ),
        hide_index=True,
        alt="Restores of this instance, newest first",
    )


def _estimate(found: dict[str, Any] | None) -> None:
    if found is None:
        return
    basis = f"It rests on {_BASES.get(found['basis'], found['basis'])}."
    if found["p50_s"] is None:
        st.markdown(f"How long a restore would take now is **unknown**. {basis}")
        return
    text = (
        f"A restore that begins now would take **{duration(found['p50_s'])}**, one in twenty longer"
        f" than **{duration(found['p95_s'])}**"
    )
    if found["p_meets_rto"] is not None:
        text += (
            f"; chance to keep the objective of {duration(found['objective_s'])}:"
            f" **{found['p_meets_rto']:.0%}**"
        )
    st.markdown(f"{text}. {basis}")


def health(at: Snapshot, instance_id: str) -> None:
    """Show the score and what each signal takes from it."""
    sql = explain.heading("Health")
    found = queries.health(at, instance_id)
    explain.last_query(sql)
    if found is None:
        st.info("Its health is not judged: it is not protected now.", icon=":material/help:")
        return
    sign, colour = HEALTH[found["state"]]
    score = "no score" if found["score"] is None else f"{found['score']:.0f} of 100"
    why = found["main_reason"] or "nothing is deducted"
    strips.strip(colour, f"{sign} {found['state']}, {score}:", why)
    reasons = pl.DataFrame(found["reasons"] or [], infer_schema_length=None)
    if reasons.is_empty():
        return
    deducted = reasons.filter(pl.col("deduction") > 0).sort("deduction", descending=True)
    if found["score"] is not None and deducted.height:
        told = deducted.with_columns(told=pl.format("{} {}", "value", "unit"))
        st.altair_chart(
            charts.deductions(told, score=float(found["score"])),
            width="stretch",
            alt="What each signal takes from the score",
        )
    st.dataframe(
        reasons.select(
            "signal",
            said("value", lambda value: "–" if value is None else f"{value:.3g}"),
            "unit",
            said("deduction", lambda value: "–" if value is None else f"{value:.1f}"),
            pl.col("status").alias("measured"),
            said("age_s", duration, "age"),
            pl.col("action").alias("what to do"),
        ),
        hide_index=True,
        alt="Every signal that lessens the score or is missing",
    )
