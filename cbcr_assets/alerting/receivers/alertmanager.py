"""An Alertmanager, API v2: it groups, silences and routes by itself.

Belongs here: labels, ends, batches. Does not belong here: the request itself (see `http`).

Alertmanager ends whatever is not said again within five minutes, unless told when it ends. So
every alert is sent with an end that lies `hold` ahead, a real end is sent when it has come, and
`heartbeat` moves the ends of all that is open. Severity is a label there, hence identity: each
alert is sent once as it is, and with its other severities as over.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Member, Outgoing, stamp
from cbcr_assets.alerting.model import SEVERITIES, Links
from cbcr_assets.alerting.receivers.base import (
    Delivered,
    Outcome,
    Retry,
    judge_status,
)
from cbcr_assets.alerting.receivers.http import post
from cbcr_assets.alerting.receivers.plain import tidy_member
from cbcr_assets.config.receivers import AlertmanagerReceiver
from cbcr_assets.config.values import SecretRef

Alert = dict[str, Any]
_BATCH = 500
_UNLISTED = "cbcr_not_listed"
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True)
class Alertmanager:
    """Hands alerts over."""

    config: AlertmanagerReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Hand over what one message is about."""
        if outgoing.message.told_as == "acknowledged":
            # It knows no acknowledgement; its silences are the users' own.
            return Delivered()
        return self._post(self.alerts(outgoing, now), now, timeout_s)

    def alerts(self, outgoing: Outgoing, now: datetime) -> list[Alert]:
        """Return what is handed over about one message."""
        message = outgoing.message
        told = (*message.members, *message.others)
        alerts = list(self._alerts(told, message.rule, message.team, now))
        if message.not_listed and not message.is_over:
            summary = f"{render.title(message)}, {message.not_listed} not listed"
            alerts += self._unlisted(message.severity, summary, is_over=False, now=now)
        return alerts

    def heartbeat(
        self,
        members: Iterable[Member],
        *,
        now: datetime,
        timeout_s: float,
    ) -> Outcome:
        """Say again how all things stand: what is open goes on, what is over ends.

        A message lists a few alerts and counts the rest; only this brings all of them.

        Args:
            members: All that is open, and what has ended lately; each with its rule and team.
            now: Present, naive UTC.
            timeout_s: When to give up, seconds.
        """
        alerts = list(self._alerts(map(tidy_member, members), "", "", now))
        alerts += self._unlisted("info", "none: all are listed", is_over=True, now=now)
        return self._post(alerts, now, timeout_s)

    def _post(self, alerts: Sequence[Alert], now: datetime, timeout_s: float) -> Outcome:
        try:
            url = _value(self.config.url, self.environ)
            bearer = _value(self.config.bearer or "", self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        place = url.rstrip("/") + "/api/v2/alerts"
        deadline = time.monotonic() + timeout_s
        for first in range(0, len(alerts), _BATCH):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return Retry(None, f"no time was left after {first} of {len(alerts)} alerts")
            batch = alerts[first : first + _BATCH]
            answer = post(place, batch, headers=headers, timeout_s=left_s)
            if isinstance(answer, Retry):
                return answer
            outcome = judge_status(answer.status_code, answer.headers, now=now)
            if not isinstance(outcome, Delivered):
                return outcome
            if answer.text.strip():
                return Retry(None, "the answer is not Alertmanager's")
        return Delivered()

    def _alerts(
        self, members: Iterable[Member], rule: str, team: str, now: datetime
    ) -> Iterator[Alert]:
        for member in members:
            labels = _labels(member, member.rule or rule, member.team or team)
            about = {
                "annotations": {
                    "summary": render.statement(member),
                    "description": _description(member),
                    "runbook": member.runbook,
                },
                "generatorURL": render.link(member, self.links),
            }
            began = min(member.started_at, now)
            ends = self._ends(member.severity, is_over=member.is_over, began=began, now=now)
            yield from ({**about, **end, "labels": {**labels, **end["labels"]}} for end in ends)

    def _unlisted(
        self, severity: str, summary: str, *, is_over: bool, now: datetime
    ) -> Iterator[Alert]:
        """Yield the alert that some are counted and not listed yet."""
        about = {
            "annotations": {"summary": summary},
            "generatorURL": self.links.dashboard_url,
        }
        for end in self._ends(severity, is_over=is_over, began=now, now=now):
            yield {**about, **end, "labels": {"alertname": _UNLISTED, **end["labels"]}}

    def _ends(
        self, severity: str, *, is_over: bool, began: datetime, now: datetime
    ) -> Iterator[Alert]:
        """Yield each severity with its beginning and end: at most one of them is open."""
        for each in {severity: None} | dict.fromkeys(SEVERITIES):
            is_open = each == severity and not is_over
            yield {
                "labels": {"severity": each},
                "startsAt": stamp(began),
                "endsAt": stamp(now + timedelta(seconds=self.config.hold) if is_open else now),
            }


def build(
    config: AlertmanagerReceiver, *, links: Links, environ: Mapping[str, str]
) -> Alertmanager:
    """Build the channel."""
    return Alertmanager(config, links, environ)


def _labels(member: Member, rule: str, team: str) -> dict[str, str]:
    return _named(
        {
            **member.labels,
            "alertname": rule,
            "team": team,
            "subject_kind": member.subject_kind,
            "subject_id": member.subject_id,
        }
    )


def _named(labels: Mapping[str, str]) -> dict[str, str]:
    """Give labels names that Alertmanager takes: one bad name refuses a whole batch."""
    named: dict[str, str] = {}
    for name, value in labels.items():
        good = _NO_LABEL.sub("_", name)
        if good[:1].isdigit() or not good:
            good = f"_{good}"
        if value:
            named[good] = value
    named.setdefault("alertname", "cbcr")
    return named


def _description(member: Member) -> str:
    return "; ".join(
        [f"{member.status} since {render.utc(member.started_at)}", *render.how_bad(member)]
    )


def _value(value: SecretRef | str, environ: Mapping[str, str]) -> str:
    return value.resolve(environ) if isinstance(value, SecretRef) else value
