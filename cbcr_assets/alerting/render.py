"""From transitions to one message for people: what, which, since when, how bad, what to do.

Belongs here: words, sizes, links. Does not belong here: a channel's format (see `receivers`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from cbcr_assets.alerting.model import Change, Links, Transition

LISTED = 20
_SUMMARY_CAP = 600
_SIGNS = {"breached": "▲", "approaching": "◆", "unknown": "○", "ok": "●"}
_TITLES = {Change.OPENED: "FIRING", Change.WORSENED: "WORSE", Change.RESOLVED: "RESOLVED"}


def message(
    change: Change,
    rule: str,
    team: str,
    transitions: Sequence[Transition],
    *,
    links: Links,
    resolved_at: datetime,
) -> dict[str, Any]:
    """Return the channel-neutral message about transitions of one kind, rule and team.

    Args:
        change: What happened to all of them.
        rule: The rule.
        team: Owner of the subjects, may be empty.
        transitions: Worst first; up to 20 are listed, the totals are true.
        links: Where people find more.
        resolved_at: Moment of the evaluation, naive UTC.
    """
    total = len(transitions)
    subjects = transitions[0].verdict.identity.subject_id if total == 1 else f"{total} subjects"
    return {
        "kind": change.value,
        "rule": rule,
        "team": team,
        "severity": transitions[0].verdict.severity,
        "title": f"{_TITLES[change]}: {rule} {subjects}",
        "total": total,
        "members": [_member(t, links, change, resolved_at) for t in transitions[:LISTED]],
        "runbook": transitions[0].verdict.runbook or "",
    }


def plain(content: Mapping[str, Any]) -> str:
    """Return a message as lines of text."""
    lines = [f"[{content['severity']}] {content['title']}"]
    lines += [
        f"{m['sign']} {m['status']} {m['text']} (since {m['since']})" for m in content["members"]
    ]
    if content["total"] > len(content["members"]):
        lines.append(f"… and {content['total'] - len(content['members'])} more")
    if content["runbook"]:
        lines.append(f"runbook: {content['runbook']}")
    return "\n".join(lines)


def _member(
    transition: Transition, links: Links, change: Change, resolved_at: datetime
) -> dict[str, Any]:
    verdict = transition.verdict
    at = resolved_at if change is Change.RESOLVED else transition.started_at
    return {
        "subject_kind": verdict.identity.subject_kind,
        "subject": verdict.identity.subject_id,
        "status": verdict.status,
        "sign": _SIGNS.get(verdict.status, "○"),
        "text": _capped(verdict.summary),
        "since": f"{at:%Y-%m-%d %H:%M:%S}Z",
        "value": verdict.value,
        "objective": verdict.objective,
        "unit": verdict.unit,
        "link": _link(transition, links),
    }


def _capped(text: str) -> str:
    return text if len(text) <= _SUMMARY_CAP else text[: _SUMMARY_CAP - 1] + "…"


def _link(transition: Transition, links: Links) -> str:
    identity = transition.verdict.identity
    if identity.subject_kind == "instance":
        return f"{links.dashboard_url}/instance?id={quote(identity.subject_id, safe='')}"
    return links.dashboard_url
