"""What people do to the platform: role-checked, written down, and done once.

Belongs here: the actions themselves, the same for pages and command line.
Does not belong here: who somebody is (see `streamlit_app.access`), forms, the alert engine.

Every action takes the key of the form that was submitted. It first writes that it is asked for,
which fails when the same key was there before: a second click does nothing and says so. Then it
acts, then it writes how that ended. A role that does not suffice is refused here, whatever a page
shows, and the refusal is written down, too.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting import Ack, Silence, StoreError, Unsilence, deeds, drill_requests, errands
from cbcr_assets.alerting.deeds import Asked, Deed
from cbcr_assets.alerting.drill_requests import DrillRequest
from cbcr_assets.alerting.errands import Errand
from cbcr_assets.alerting.tables import open_store, reading, writing
from cbcr_assets.config import ConfigError, Refused
from cbcr_assets.config.dashboards import Role
from cbcr_assets.config.matchers import Matcher, read_matcher
from cbcr_assets.config.values import positive_duration_s
from cbcr_assets.steps.platform import Platform

_WAIT_S = 5.0
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


def acknowledge(desk: Desk, matchers: Sequence[str], *, key: str, lapses: str = "") -> Outcome:
    """Take care of what fires and matches: its escalation stands still. Needs an operator.

    Args:
        desk: Who acts where.
        matchers: What is meant, such as `rule="rpo"`; all must match.
        key: Of the form.
        lapses: When it lapses, such as `2h`; empty: as the policy says.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        lapses_s = positive_duration_s(lapses) if lapses else None
        word = Ack(_meant(matchers), desk.person.name, lapses_s)
        count = desk.platform.alerts(wait_s=desk.wait_s).say(word, now=desk.now)
        if not count:
            return Outcome(NOTHING, "Nothing that fires matches: it may be resolved already.")
        return Outcome(DONE, f"Acknowledged {count} {'alert' if count == 1 else 'alerts'}.")

    return _perform(
        desk, "acknowledge", ", ".join(matchers), {"lapses": lapses}, Role.OPERATOR, key, work
    )


def silence(desk: Desk, matchers: Sequence[str], *, lasts: str, comment: str, key: str) -> Outcome:
    """Tell nobody about what matches, for a while. Needs an operator.

    Args:
        desk: Who acts where.
        matchers: What is meant; all must match.
        lasts: How long, such as `2h`.
        comment: Why.
        key: Of the form.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        if not comment.strip():
            raise Refused("say why: whoever finds the silence at night must understand it")
        end = desk.now + timedelta(seconds=positive_duration_s(lasts))
        identity = _short(key)
        word = Silence(identity, _meant(matchers), desk.now, end, desk.person.name, comment)
        desk.platform.alerts(wait_s=desk.wait_s).say(word, now=desk.now)
        return Outcome(DONE, f"Silence {identity} lasts until {end:%Y-%m-%d %H:%M} UTC.")

    details = {"lasts": lasts, "comment": comment}
    return _perform(desk, "silence", ", ".join(matchers), details, Role.OPERATOR, key, work)


def end_silence(desk: Desk, identity: str, *, key: str) -> Outcome:
    """End a silence now. Needs an operator.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        service = desk.platform.alerts(wait_s=desk.wait_s)
        if not any(one.id == identity and one.end > desk.now for one in service.silences()):
            return Outcome(NOTHING, f"Silence {identity} has ended already, or never was.")
        service.say(Unsilence(identity, desk.person.name), now=desk.now)
        return Outcome(DONE, f"Silence {identity} has ended.")

    return _perform(desk, "end_silence", identity, {}, Role.OPERATOR, key, work)


def release(desk: Desk, quarantine_id: str, *, key: str) -> Outcome:
    """Ask the watch lane to let a row in quarantine count again. Needs an operator.

    Only runs of CBCR write the warehouse, in turn, so this leaves an errand; the watch lane looks
    for errands every few seconds and does them when a build that is under way has ended.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        errand = Errand(
            _short(key), errands.RELEASE, quarantine_id, desk.person.name, desk.now
        )  # fmt: skip
        with writing(_store(desk)) as con:
            waiting = errands.leave(con, errand)
        if waiting is not None:
            asked = f"{waiting.asked_by} asked for it at {waiting.asked_at:%H:%M} UTC"
            return Outcome(NOTHING, f"Its release waits for its turn already: {asked}.")
        return Outcome(
            DONE, "It is released when the warehouse is free, and counts from the build after that."
        )

    return _perform(desk, "release", quarantine_id, {}, Role.OPERATOR, key, work)


def request_drill(
    desk: Desk, instance_id: str, *, reason: str, key: str, team: str = ""
) -> Outcome:
    """Ask the team of an instance to prove that it can be restored. Needs an operator.

    Args:
        desk: Who acts where.
        instance_id: The instance.
        reason: Why.
        key: Of the form.
        team: Whose instance it is; who is told depends on it.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        request = DrillRequest(
            _short(key), instance_id, team, reason, desk.person.name, desk.now
        )  # fmt: skip
        with writing(_store(desk)) as con:
            waiting = drill_requests.ask(con, request)
        if waiting is not None:
            asked = f"{waiting.asked_by}, since {waiting.asked_at:%Y-%m-%d %H:%M} UTC"
            return Outcome(NOTHING, f"A drill of {instance_id} is requested already: {asked}.")
        told = f"{team or 'Whoever hears about it'} is told"
        return Outcome(DONE, f"Requested. {told}; a verified restore of {instance_id} answers it.")

    details = {"reason": reason, "team": team}
    return _perform(desk, "request_drill", instance_id, details, Role.OPERATOR, key, work)


def withdraw_drill(desk: Desk, identity: str, *, key: str) -> Outcome:
    """Withdraw the request of a drill. Needs an operator.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        with writing(_store(desk)) as con:
            done = drill_requests.close(con, identity, now=desk.now, by=desk.person.name)
        if not done:
            return Outcome(NOTHING, "It waits no longer: it was answered or withdrawn.")
        return Outcome(DONE, "Withdrawn.")

    return _perform(desk, "withdraw_drill", identity, {}, Role.OPERATOR, key, work)


def audit(desk: Desk, *, limit: int = 200, action: str = "") -> list[Deed]:
    """Return what people did, the newest first. Needs an admin.

    Raises:
        NotAllowedError: The person is no admin.
        StoreError: The store cannot be opened.
    """
    if desk.person.role < Role.ADMIN:
        raise NotAllowedError(_too_little("see what people did", Role.ADMIN, desk.person))
    with reading(_store(desk)) as con:
        return deeds.newest(con, limit=limit, action=action)


def _perform(
    desk: Desk,
    action: str,
    target: str,
    details: dict[str, str],
    least: Role,
    key: str,
    work: Callable[[], Outcome],
) -> Outcome:
    person = desk.person
    asked = Asked(
        key, person.name, person.subject, person.role.word, action, target[:_LONGEST],
        json.dumps(details, ensure_ascii=False)[:_LONGEST],
    )  # fmt: skip
    if person.role < least:
        message = _too_little(action.replace("_", " "), least, person)
        _note(desk, asked, Outcome(REFUSED, message))
        raise NotAllowedError(message)
    try:
        with writing(_store(desk)) as con:
            before = deeds.begin(con, asked, now=desk.now)
    except (StoreError, sa.exc.OperationalError) as error:
        return _busy(error)
    if before is not None:
        told = before or "it is on its way, or was cut off"
        return Outcome(AGAIN, f"This was submitted before, and nothing was done again: {told}")
    outcome = _attempt(work)
    _note(desk, asked, outcome)
    return outcome


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
        with writing(_store(desk)) as con:
            if outcome.kind == REFUSED and deeds.begin(con, asked, now=desk.now) is not None:
                return
            deeds.end(con, asked, outcome=outcome.kind, result=outcome.text, now=desk.now)
    except (StoreError, sa.exc.OperationalError):
        return


def _store(desk: Desk) -> sa.Engine:
    return open_store(desk.platform.alert_store, wait_s=desk.wait_s)


def _meant(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Read matchers; as for Alertmanager, one of them must not be met by an empty label."""
    matchers = tuple(read_matcher(text) for text in texts if text.strip())
    if all(matcher.matches({}) for matcher in matchers):
        raise Refused('say what is meant: one condition at least must name a value, as rule="rpo"')
    return matchers


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _too_little(action: str, least: Role, person: Person) -> str:
    needed, held = (
        f"{'an' if r is not Role.VIEWER else 'a'} {r.word}" for r in (least, person.role)
    )
    return f"To {action} one must be {needed}; {person.name} is {held}."
