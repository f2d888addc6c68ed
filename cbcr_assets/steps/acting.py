"""How an action is done: role-checked, written down before it begins and when it ended, done once.

Belongs here: that order, and the vocabulary of it. Does not belong here: the actions (see
`actions`), who somebody is (see `streamlit_app.access`).

Every action takes the key of the form that was submitted. It first writes that it is asked for;
when the same key was there before, nothing is done and the person is told what came of it then. So
a second click does nothing. Then it acts, then it writes how that ended: what was cut off in
between shows as unknown. A role that does not suffice is refused here, whatever a page shows, and
the refusal is written down, too.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting import StoreError, deeds
from cbcr_assets.alerting.deeds import Asked
from cbcr_assets.alerting.tables import open_store, writing
from cbcr_assets.config import ConfigError, Refused
from cbcr_assets.config.dashboards import Role
from cbcr_assets.steps.platform import Platform

_WAIT_S = 5.0
# The second click of two comes while the first is done; what came of that is its answer, too.
_FIRST_S, _LOOK_S = 3.0, 0.05
_LONGEST = 2000

DONE, NOTHING, FAILED, AGAIN, REFUSED = "done", "nothing", "failed", "again", "refused"


class NotAllowedError(Exception):
    """Somebody's role does not suffice; the message says which one does."""


@dataclass(frozen=True)
class Person:
    """Somebody who acts.

    Attributes:
        name: As people call them.
        role: What they may do.
        subject: As the login knows them, unique and lasting.
    """

    name: str
    role: Role
    subject: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of an action.

    Attributes:
        kind: done; nothing (there was nothing to do); failed; again (submitted before).
        text: What the person is told.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Desk:
    """Where a person acts.

    Attributes:
        platform: On what.
        person: Who.
        now: Present, naive UTC.
        wait_s: How long to wait for others that write, seconds.
    """

    platform: Platform = field(repr=False)
    person: Person
    now: datetime
    wait_s: float = _WAIT_S


def perform(
    desk: Desk,
    action: str,
    target: str,
    details: dict[str, str],
    least: Role,
    key: str,
    work: Callable[[], Outcome],
) -> Outcome:
    """Do something once, and write it down.

    Args:
        desk: Who acts where.
        action: Its name.
        target: About what.
        details: With which words.
        least: Role that it needs.
        key: Of the form that was submitted.
        work: Does it.

    Raises:
        NotAllowedError: The person's role does not suffice.
    """
    person = desk.person
    asked = Asked(
        key, person.name, person.subject, person.role.word, action, target[:_LONGEST],
        json.dumps(details, ensure_ascii=False)[:_LONGEST],
    )  # fmt: skip
    if person.role < least:
        message = too_little(action.replace("_", " "), least, person)
        _note(desk, asked, Outcome(REFUSED, message))
        raise NotAllowedError(message)
    try:
        before = _begin(desk, asked)
    except (StoreError, sa.exc.OperationalError) as error:
        return _busy(error)
    if before is not None:
        told = before or "it is on its way, or was cut off"
        return Outcome(AGAIN, f"This was submitted before, and nothing was done again: {told}")
    outcome = _attempt(work)
    _note(desk, asked, outcome)
    return outcome


def _begin(desk: Desk, asked: Asked) -> str | None:
    """Begin, or return what came of it before; what is on its way is waited for a moment."""
    deadline = time.monotonic() + _FIRST_S
    while True:
        with writing(store(desk)) as con:
            before = deeds.begin(con, asked, now=desk.now)
        if before != "" or time.monotonic() > deadline:
            return before
        time.sleep(_LOOK_S)


def _attempt(work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except (Refused, ConfigError) as error:
        return Outcome(FAILED, f"Nothing was done: {error}")
    except (StoreError, sa.exc.OperationalError) as error:
        return _busy(error)


def _busy(error: Exception) -> Outcome:
    reason: Any = getattr(error, "orig", None) or error
    return Outcome(
        FAILED, f"Nothing was done, the alert store cannot be written now ({reason}). Try again."
    )


def _note(desk: Desk, asked: Asked, outcome: Outcome) -> None:
    """Write down how it ended; what cannot be written now is shown as unknown."""
    try:
        with writing(store(desk)) as con:
            if outcome.kind == REFUSED and deeds.begin(con, asked, now=desk.now) is not None:
                return
            deeds.end(con, asked, outcome=outcome.kind, result=outcome.text, now=desk.now)
    except (StoreError, sa.exc.OperationalError):
        return


def store(desk: Desk) -> sa.Engine:
    """Open the alert store.

    Raises:
        StoreError: It cannot be opened.
    """
    return open_store(desk.platform.alert_store, wait_s=desk.wait_s)


def too_little(action: str, least: Role, person: Person) -> str:
    """Say that a role does not suffice."""
    needed, held = (
        f"{'an' if r is not Role.VIEWER else 'a'} {r.word}" for r in (least, person.role)
    )
    return f"To {action} one must be {needed}; {person.name} is {held}."
