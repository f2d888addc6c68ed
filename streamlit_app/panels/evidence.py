"""Sections of Data trust for the auditor: the report of a period, and what people did.

Belongs here: their widgets. Does not belong here: what a report says (see
`cbcr_assets.reports.compliance`), who may see the audit (see `action_forms`).
"""

from datetime import datetime, time, timedelta

import duckdb
import streamlit as st

from cbcr_assets.config import Refused
from cbcr_assets.config.reports import signer
from cbcr_assets.reports.compliance import (
    ComplianceReport,
    Period,
    ReportError,
    Scope,
    compliance_report,
    data_until,
    last_month,
    render,
    verdict_of,
)
from cbcr_assets.warehouse import Snapshot
from streamlit_app import urlstate, zones
from streamlit_app.queries import scope
from streamlit_app.queries.session import Reports
from streamlit_app.status import plain

_KINDS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
_SHOWS = {"kept": st.success, "partly": st.warning, "broken": st.error, "unknown": st.info}
_DAY = timedelta(days=1)


def report(at: Snapshot) -> None:
    """Let the reader make the report of a period, and download it."""
    asked = last_month(zones.now())
    options = scope.choices(at)
    boxes = st.columns([1, 1, 1, 1, 2], vertical_alignment="bottom")
    first = urlstate.day("From", "from", boxes[0], default=asked.begin.date())
    last = urlstate.day("To, included", "to", boxes[1], default=(asked.end - _DAY).date())
    teams = urlstate.multiselect("Team", options["team"], "team", boxes[2])
    tiers = urlstate.multiselect("Tier", options["tier"], "tier", boxes[3])
    signed = boxes[4].text_input("Signed off by", placeholder="Head of IT operations")
    question = (at.version, first, last, tuple(teams), tuple(tiers), signed)
    if st.button("Make the report", icon=":material/summarize:"):
        st.session_state["report"] = (question, None)
    kept = st.session_state.get("report")
    if kept is None or kept[0] != question:
        return
    try:
        made = kept[1] or _make(
            at, Period(_start(first), _start(last) + _DAY), teams, tiers, signed
        )
    except (ReportError, Refused) as error:
        st.error(plain(str(error)), icon=":material/warning:")
        return
    except (duckdb.CatalogException, duckdb.BinderException):
        st.error("This snapshot was built by another version of CBCR: run `cbcr build`.")
        return
    st.session_state["report"] = (question, made)
    _offer(made)


def _start(day: object) -> datetime:
    return datetime.combine(day, time())  # type: ignore[arg-type]


def _make(
    at: Snapshot, period: Period, teams: list[str], tiers: list[int], signed: str
) -> ComplianceReport:
    # What has not happened yet is in no data: the period ends where the data ends.
    until = data_until(Reports(at))
    if period.begin < until < period.end:
        st.caption(f"The data ends at {zones.moment(until)}, and so does the report.")
        period = Period(period.begin, until)
    names = tuple(signer(name) for name in signed.split(",") if name.strip())
    return compliance_report(
        Reports(at), period=period, scope=Scope(tuple(teams), tuple(tiers)), now=zones.now(),
        data_version=at.version, signed_off_by=names,
    )  # fmt: skip


def _offer(made: ComplianceReport) -> None:
    verdict = verdict_of(made)
    _SHOWS[verdict.state](f"**{plain(verdict.headline)}** {plain(verdict.detail)}")
    name = f"compliance-{made.period.begin:%Y-%m-%d}-{made.content_sha256[:12]}"
    for box, (kind, mime) in zip(st.columns(3), _KINDS.items(), strict=True):
        box.download_button(
            f"{kind.upper()}", lambda kind=kind: render(made, kind), f"{name}.{kind}", mime,
            key=f"report_{kind}", on_click="ignore", icon=":material/download:", width="stretch",
        )  # fmt: skip
    st.caption(
        f"Content SHA-256 `{made.content_sha256}`; `cbcr report --verify FILE` says whether a file"
        " is genuine."
    )
