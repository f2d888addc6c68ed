"""The actions of the pages: who looks does them, on the platform that cbcr.yaml configures.

Belongs here: bringing person, platform and clock together; the role is checked in every action,
whatever a page shows. Does not belong here: what an action does (see `cbcr_assets.steps.actions`),
forms (see `action_forms`).

Every one raises `NotAllowedError` when the role of who looks does not suffice, also when no page
shows a button for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from cbcr_assets.alerting import errands
from cbcr_assets.alerting.deeds import Deed
from cbcr_assets.alerting.drill_requests import DrillRequest
from cbcr_assets.alerting.errands import Errand
from cbcr_assets.alerting.tables import open_store, reading
from cbcr_assets.config.dashboards import Role
from cbcr_assets.steps import actions as steps
from cbcr_assets.steps import drills
from cbcr_assets.steps.acting import Desk, Outcome
from cbcr_assets.steps.platform import Platform, open_running
from streamlit_app import access

_RECENT = 50


def acknowledge(matchers: Sequence[str], *, key: str, lapses: str = "") -> Outcome:
    """Take care of what fires and matches (operator)."""
    return steps.acknowledge(_desk(Role.OPERATOR), matchers, key=key, lapses=lapses)


def silence(matchers: Sequence[str], *, lasts: str, comment: str, key: str) -> Outcome:
    """Tell nobody about what matches, for a while (operator)."""
    return steps.silence(_desk(Role.OPERATOR), matchers, lasts=lasts, comment=comment, key=key)


def end_silence(identity: str, *, key: str) -> Outcome:
    """End a silence now (operator)."""
    return steps.end_silence(_desk(Role.OPERATOR), identity, key=key)


def release(quarantine_id: str, *, key: str) -> Outcome:
    """Ask the watch lane to let a row in quarantine count again (operator)."""
    return steps.release(_desk(Role.OPERATOR), quarantine_id, key=key)


def request_drill(instance_id: str, *, reason: str, key: str, team: str = "") -> Outcome:
    """Ask the team of an instance to prove that it can be restored (operator)."""
    desk = _desk(Role.OPERATOR)
    return steps.request_drill(desk, instance_id, reason=reason, key=key, team=team)


def withdraw_drill(identity: str, *, key: str) -> Outcome:
    """Withdraw the request of a drill (operator)."""
    return steps.withdraw_drill(_desk(Role.OPERATOR), identity, key=key)


def drill_requests(instance_id: str = "", *, every: bool = False) -> list[DrillRequest]:
    """Return requests of drills, those that wait the longest first (viewer)."""
    access.require(Role.VIEWER)
    found = drills.requests(_platform(), every=every)
    return [one for one in found if not instance_id or one.instance_id == instance_id]


def releases() -> list[Errand]:
    """Return the newest releases that were asked for, done or not (viewer)."""
    access.require(Role.VIEWER)
    with reading(open_store(_platform().alert_store)) as con:
        return errands.newest(con, kind=errands.RELEASE, limit=_RECENT)


def audit(*, limit: int = 200, action: str = "") -> list[Deed]:
    """Return what people did, the newest first (admin)."""
    return steps.audit(_desk(Role.ADMIN), limit=limit, action=action)


def _desk(least: Role) -> Desk:
    """Return where who looks acts.

    A role that does not suffice is refused by the action itself, which also writes it down; only
    who is nobody at all is refused here.
    """
    person = access.who() or access.require(least)
    return Desk(_platform(), person, datetime.now(UTC).replace(tzinfo=None))


def _platform() -> Platform:
    return open_running()
