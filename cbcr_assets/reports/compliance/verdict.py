"""The verdict of a report, in words.

Belongs here: what the figures mean for who reads nothing else. Does not belong here: figures.
"""

from dataclasses import dataclass

from cbcr_assets.reports.compliance.model import ComplianceReport
from cbcr_assets.reports.compliance.words import count, percent


@dataclass(frozen=True)
class ReportVerdict:
    """What a report says in one sentence.

    Attributes:
        state: `kept` (no violation, nothing unknown), `partly` (violated, within what is promised),
            `broken` (less than promised), `unknown` (no violation, but not everything could be
            judged, or nobody says what is promised).
        headline: The sentence.
        detail: The databases behind it.
    """

    state: str
    headline: str
    detail: str


def verdict_of(report: ComplianceReport) -> ReportVerdict:
    """Return the verdict of a report."""
    kept, broken, unknown, excluded = (
        report.figure(f"databases_{state}") or 0
        for state in ("kept", "broken", "unknown", "excluded")
    )
    detail = (
        f"{count(kept + broken + unknown)} databases: {count(broken)} broke the recovery point"
        f" objective, {count(kept)} kept it all the time, {count(unknown)} unknown."
        f" Excluded: {count(excluded)} more."
    )
    state, headline = _judged(report, broken=broken, unknown=unknown)
    return ReportVerdict(state, headline, detail)


def _judged(report: ComplianceReport, *, broken: float, unknown: float) -> tuple[str, str]:
    compliance, objective = report.figure("compliance"), report.figure("compliance_objective")
    told = f"{percent(compliance)} of the measured time"
    promised = f"{percent(objective)} promised"
    if compliance is None:
        return "unknown", "Unknown: nothing was measured."
    if broken == 0:
        if unknown:
            return "unknown", f"Not known for all: {count(unknown)} databases could not be judged."
        return "kept", "Kept: no recovery point objective was broken in this period."
    if objective is None:
        return "unknown", f"Objectives were kept for {told}; nobody says what is promised."
    if compliance < objective:
        return "broken", f"Not kept: {told}, {promised}."
    return "partly", f"Kept on the whole: {told}, {promised}."
