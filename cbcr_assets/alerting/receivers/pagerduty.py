"""PagerDuty's Events API v2: trigger, acknowledge, resolve.

Belongs here: events and the reading of PagerDuty's answers.
Does not belong here: who is called (PagerDuty's), the request itself (see `http`).

The summary is what a phone reads out at night. A partial end is not sent: PagerDuty would open the
incident anew if somebody has closed it by hand.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Outgoing, stamp
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import (
    Delivered,
    Outcome,
    Rejected,
    Retry,
    judge_status,
)
from cbcr_assets.alerting.receivers.http import Answer, post
from cbcr_assets.alerting.receivers.plain import shorten
from cbcr_assets.config.receivers import PagerDutyReceiver

_SUMMARY = 1_024
# 512 kB are taken; nobody reads more than this.
_DETAILS = 30_000
_LEAST_S = 0.1
_WORDS = re.compile(r"[a-z ]{1,60}")


@dataclass(frozen=True)
class PagerDuty:
    """Sends events to one service."""

    config: PagerDutyReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Send one event once, and the ends of digests that are over with it."""
        key, events = outgoing.page, self.events(outgoing)
        if not events:
            return Delivered(key)
        try:
            routing_key = self.config.routing_key.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        until = time.monotonic() + timeout_s
        for content in events:
            left_s = max(until - time.monotonic(), _LEAST_S)
            answer = post(
                self.config.base_url + "v2/enqueue", {"routing_key": routing_key, **content},
                headers={}, timeout_s=left_s,
            )  # fmt: skip
            outcome = answer if isinstance(answer, Retry) else _judge(answer, key, now)
            if not isinstance(outcome, Delivered):
                return outcome
        return Delivered(key)

    def events(self, outgoing: Outgoing) -> list[dict[str, Any]]:
        """Return the events that say a message; said twice they change nothing."""
        is_partial = outgoing.message.told_as == "resolved" and not outgoing.ends_incident
        own = [] if is_partial else [event(outgoing, self.links) | {"dedup_key": outgoing.page}]
        ends = [{"event_action": "resolve", "dedup_key": key} for key in outgoing.ends]
        acks = [{"event_action": "acknowledge", "dedup_key": key} for key in outgoing.answers]
        return [*own, *acks, *ends]


def event(outgoing: Outgoing, links: Links) -> dict[str, Any]:
    """Return the event without its keys."""
    message = outgoing.message
    if message.told_as == "acknowledged":
        return {"event_action": "acknowledge"}
    if message.told_as == "resolved":
        return {"event_action": "resolve"}
    places = [(links.dashboard_url, "Dashboard"), (links.dagster_url, "Dagster")]
    if len(message.members) == 1:
        places.insert(0, (render.link(message.members[0], links), "Look at it"))
        runbook = message.members[0].runbook
        if runbook.startswith(("https://", "http://")):
            places.insert(0, (runbook, "What to do"))
    return {
        "event_action": "trigger",
        "client": "CBCR",
        "client_url": links.dashboard_url,
        "payload": _payload(outgoing, links),
        "links": [{"href": href, "text": text} for href, text in places],
    }


def _payload(outgoing: Outgoing, links: Links) -> dict[str, Any]:
    message = outgoing.message
    one = message.members[0] if message.total == 1 and message.members else None
    began = min((m.started_at for m in message.members), default=message.evaluated_at)
    return {
        "summary": shorten(render.title(message, _SUMMARY), _SUMMARY),
        "source": (one.subject_id if one else message.team) or "CBCR",
        "severity": message.severity if message.severity != "" else "warning",
        "timestamp": stamp(began),
        "component": one.subject_kind if one else "",
        "group": message.team,
        "class": message.rule,
        "custom_details": {
            "total": message.total,
            "counts": dict(message.counts),
            "labels": dict(one.labels if one else message.group),
            "text": render.text(message, links, longest=_DETAILS),
        },
    }


def build(config: PagerDutyReceiver, *, links: Links, environ: Mapping[str, str]) -> PagerDuty:
    """Build the channel."""
    return PagerDuty(config, links, environ)


def _judge(answer: Answer, key: str, now: datetime) -> Outcome:
    outcome = judge_status(answer.status_code, answer.headers, now=now)
    said = str(answer.json().get("status", ""))
    if isinstance(outcome, Delivered):
        return Delivered(key) if said == "success" else Retry(None, "the answer is not PagerDuty's")
    if isinstance(outcome, Rejected) and _WORDS.fullmatch(said):
        return Rejected(f"{outcome.why} {said}")
    return outcome
