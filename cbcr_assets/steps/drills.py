"""Requested restore drills: told to the team that owns the instance, and answered by a restore.

Belongs here: which restore answers a request, and the alert that a request is while it waits.
Does not belong here: asking (see `actions`), the drill itself, which people or their tools run.

A request is answered by the first restore of its instance, drill or real, that began after it and
whose data was verified (`int_restores.outcome` proven or untimed). A restore that nobody verified
answers nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from cbcr_assets.alerting import AlertService, drill_requests
from cbcr_assets.alerting.drill_requests import DrillRequest
from cbcr_assets.alerting.tables import open_store, reading, writing
from cbcr_assets.steps.own_alerts import Verdict, tell
from cbcr_assets.steps.platform import Platform

RULE = "drill_requested"
# Ticks may have stopped for so long before the end of an alert is missed.
_NEWS = timedelta(days=60)
_ANSWERS = """
select instance_id, source_id || '/' || restore_key as restore,
    coalesce(started_at, requested_at, restored_at, recovered_at, verified_at) as began_at,
    ended_at
from intermediate.int_restores
where list_contains($instances, instance_id) and outcome in ('proven', 'untimed')
order by ended_at
"""


class Reads(Protocol):
    """Whatever reads the warehouse or a snapshot of it."""

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run one query and return plain tuples."""
        ...


def requests(platform: Platform, *, every: bool = False) -> list[DrillRequest]:
    """Return requests, those that wait the longest first.

    Raises:
        StoreError: The alert store cannot be opened.
    """
    with reading(open_store(platform.alert_store)) as con:
        return drill_requests.requests(con, every=every)


def settle_live(platform: Platform, *, now: datetime) -> list[str]:
    """Close the requests that a restore in the live warehouse has answered (see `settle`).

    Args:
        platform: Whose requests.
        now: Present, naive UTC.

    Raises:
        StoreError: The alert store cannot be opened.
        WarehouseError: The warehouse could not be opened.
    """
    if not requests(platform):
        return []
    with platform.warehouse.live(as_of=now) as session:
        return settle(platform, session)


def settle(platform: Platform, session: Reads) -> list[str]:
    """Close the requests that a restore has answered, at the moment when that restore ended.

    Args:
        platform: Whose requests.
        session: Reads the restores.

    Returns:
        One sentence for each.
    """
    waiting = requests(platform)
    if not waiting:
        return []
    names = sorted({request.instance_id for request in waiting})
    restores = session.rows(_ANSWERS, {"instances": names})
    told = []
    with writing(open_store(platform.alert_store)) as con:
        for request in waiting:
            answer = answered_by(request, restores)
            if answer is None:
                continue
            restore, ended_at = answer
            drill_requests.close(con, request.id, now=ended_at, evidence=restore)
            told.append(f"{restore} answers the request of a drill of {request.instance_id}")
    return told


def answered_by(
    request: DrillRequest, restores: Sequence[tuple[Any, ...]]
) -> tuple[str, datetime] | None:
    """Return the restore that answers a request, and when it ended, naive UTC; None: none does.

    Args:
        request: The request.
        restores: Instance, name, beginning and end of verified restores, by their end.
    """
    for instance, restore, began_at, ended_at in restores:
        is_its = instance == request.instance_id
        if is_its and began_at is not None and began_at >= request.asked_at:
            return str(restore), ended_at
    return None


def tell_requests(platform: Platform, service: AlertService, *, now: datetime) -> None:
    """Let each request that waits be an alert of its team, and end it with the request.

    Args:
        platform: Whose requests.
        service: The alert engine.
        now: Present, naive UTC.
    """
    with reading(open_store(platform.alert_store)) as con:
        latest = _latest(con, now)
    for request in latest:
        scope, is_open = f"{RULE}/{request.instance_id}", request.closed_at is None
        if is_open == service.is_open(scope):
            continue
        reference = f"{request.id}/{request.state}/{now.isoformat()}"
        tell(service, scope, [_verdict(request)], reference=reference, now=now)


def _latest(con: sa.Connection, now: datetime) -> list[DrillRequest]:
    """Return the newest request of each instance; closed ones for as long as their end is news."""
    found = drill_requests.requests(con, every=True, closed_after=now - _NEWS)
    newest: dict[str, DrillRequest] = {}
    for request in sorted(found, key=lambda one: (one.asked_at, one.id)):
        newest[request.instance_id] = request
    return list(newest.values())


def _verdict(request: DrillRequest) -> Verdict:
    reason = f": {request.reason}" if request.reason else ""
    asked = f"{request.asked_by} asks for a restore drill of {request.instance_id}{reason}"
    if request.state == "open":
        status, summary = "breached", asked
    elif request.state == "answered":
        status, summary = (
            "ok",
            f"{request.evidence} answers the drill that {request.asked_by} asked for",
        )
    else:
        status, summary = "ok", f"{request.closed_by} withdrew the request of a drill"
    return Verdict(
        RULE, "instance", request.instance_id, status, "info", summary,
        team=request.team or None,
    )  # fmt: skip
