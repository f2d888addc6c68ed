"""Opsgenie's Alert API: create, acknowledge, close; what is over in part becomes a note.

Belongs here: calls and the reading of Opsgenie's answers.
Does not belong here: who is called (Opsgenie's), the request itself (see `http`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Message, Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Retry, judge_status
from cbcr_assets.alerting.receivers.http import Answer, post
from cbcr_assets.alerting.receivers.plain import shorten
from cbcr_assets.config.receivers import OpsgenieReceiver, Priorities

_MESSAGE = 130
_DESCRIPTION = 15_000
_NOTE = 10_000
_TAG = 50
_DETAIL = 400
_SOURCE = "CBCR"
_LEAST_S = 0.1


@dataclass(frozen=True)
class Opsgenie:
    """Keeps one alert there for one incident here."""

    config: OpsgenieReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Make one call once, and those that end digests that are over with it."""
        try:
            key = self.config.api_key.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        headers = {"Authorization": f"GenieKey {key}"}
        until = time.monotonic() + timeout_s
        for path, content in self.calls(outgoing):
            left_s = max(until - time.monotonic(), _LEAST_S)
            url = self.config.base_url + path
            answer = post(url, content, headers=headers, timeout_s=left_s)
            outcome = answer if isinstance(answer, Retry) else _judge(answer, now)
            if not isinstance(outcome, Delivered):
                return outcome
        return Delivered(outgoing.page)

    def calls(self, outgoing: Outgoing) -> list[tuple[str, dict[str, Any]]]:
        """Return path and body of the calls that say a message; said twice they change nothing."""
        message = outgoing.message
        note = {
            "source": _SOURCE,
            "user": shorten(message.by or _SOURCE, 100),
            "note": shorten(render.text(message, self.links, longest=_NOTE), _NOTE),
        }
        calls = [self._own(outgoing, note)]
        calls += [(_place(alias, "acknowledge"), note) for alias in outgoing.answers]
        return [*calls, *((_place(alias, "close"), note) for alias in outgoing.ends)]

    def _own(self, outgoing: Outgoing, note: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        message, alias = outgoing.message, outgoing.page
        if message.told_as == "acknowledged":
            return _place(alias, "acknowledge"), note
        if outgoing.ends_incident:
            return _place(alias, "close"), note
        if message.told_as == "resolved":
            return _place(alias, "notes"), note
        return "v2/alerts", self._alert(message, alias)

    def _alert(self, message: Message, alias: str) -> dict[str, Any]:
        one = message.members[0] if message.total == 1 and message.members else None
        labels = one.labels if one else message.group
        tags = [message.rule, message.team, message.severity]
        alert: dict[str, Any] = {
            "message": shorten(render.title(message, _MESSAGE - 10), _MESSAGE),
            "alias": alias,
            "description": shorten(
                render.text(message, self.links, longest=_DESCRIPTION), _DESCRIPTION
            ),
            "priority": _priority(message.severity, self.config.priorities),
            "source": _SOURCE,
            "entity": one.subject_id if one else message.rule,
            "tags": [shorten(tag, _TAG) for tag in tags if tag],
            "details": {name: shorten(value, _DETAIL) for name, value in list(labels.items())[:15]}
            | {"total": str(message.total), "dashboard": self.links.dashboard_url},
        }
        if self.config.responders:
            alert["responders"] = [
                {"type": "team", "name": name} for name in self.config.responders
            ]
        return alert


def build(config: OpsgenieReceiver, *, links: Links, environ: Mapping[str, str]) -> Opsgenie:
    """Build the channel."""
    return Opsgenie(config, links, environ)


def _place(alias: str, action: str) -> str:
    return f"v2/alerts/{quote(alias, safe='')}/{action}?identifierType=alias"


def _judge(answer: Answer, now: datetime) -> Outcome:
    outcome = judge_status(answer.status_code, answer.headers, now=now)
    is_receipt = isinstance(answer.json().get("requestId"), str)
    if isinstance(outcome, Delivered) and not is_receipt:
        return Retry(None, "the answer is not Opsgenie's")
    return outcome


def _priority(severity: str, priorities: Priorities) -> str:
    known = {"critical": priorities.critical, "info": priorities.info}
    return known.get(severity, priorities.warning)
