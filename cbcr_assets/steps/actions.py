"""What people do to the platform, the same for pages and command line.

Belongs here: the actions themselves. Does not belong here: checking roles, writing down, doing
once (see `acting`), forms, the alert engine.

Each takes the key of the form that was submitted and needs an operator; see `acting.perform`.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from cbcr_assets.alerting import Ack, Silence, Unsilence, deeds, drill_requests, errands
from cbcr_assets.alerting.deeds import Deed
from cbcr_assets.alerting.drill_requests import DrillRequest
from cbcr_assets.alerting.errands import Errand
from cbcr_assets.alerting.tables import reading, writing
from cbcr_assets.config import Refused
from cbcr_assets.config.dashboards import Role
from cbcr_assets.config.matchers import Matcher, read_matcher
from cbcr_assets.config.values import positive_duration_s
from cbcr_assets.steps.acting import (
    DONE,
    NOTHING,
    Desk,
    NotAllowedError,
    Outcome,
    perform,
    store,
    too_little,
)


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

    return perform(
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
    return perform(desk, "silence", ", ".join(matchers), details, Role.OPERATOR, key, work)


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

    return perform(desk, "end_silence", identity, {}, Role.OPERATOR, key, work)


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
        with writing(store(desk)) as con:
            waiting = errands.leave(con, errand)
        if waiting is not None:
            asked = f"{waiting.asked_by} asked for it at {waiting.asked_at:%H:%M} UTC"
            return Outcome(NOTHING, f"Its release waits for its turn already: {asked}.")
        return Outcome(
            DONE, "It is released when the warehouse is free, and counts from the build after that."
        )

    return perform(desk, "release", quarantine_id, {}, Role.OPERATOR, key, work)


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
        with writing(store(desk)) as con:
            waiting = drill_requests.ask(con, request)
        if waiting is not None:
            asked = f"{waiting.asked_by}, since {waiting.asked_at:%Y-%m-%d %H:%M} UTC"
            return Outcome(NOTHING, f"A drill of {instance_id} is requested already: {asked}.")
        told = f"{team or 'Whoever hears about it'} is told"
        return Outcome(DONE, f"Requested. {told}; a verified restore of {instance_id} answers it.")

    details = {"reason": reason, "team": team}
    return perform(desk, "request_drill", instance_id, details, Role.OPERATOR, key, work)


def withdraw_drill(desk: Desk, identity: str, *, key: str) -> Outcome:
    """Withdraw the request of a drill. Needs an operator.

    Raises:
        NotAllowedError: The person is no operator.
    """

    def work() -> Outcome:
        with writing(store(desk)) as con:
            done = drill_requests.close(con, identity, now=desk.now, by=desk.person.name)
        if not done:
            return Outcome(NOTHING, "It waits no longer: it was answered or withdrawn.")
        return Outcome(DONE, "Withdrawn.")

    return perform(desk, "withdraw_drill", identity, {}, Role.OPERATOR, key, work)


def audit(desk: Desk, *, limit: int = 200, action: str = "") -> list[Deed]:
    """Return what people did, the newest first. Needs an admin.

    Raises:
        NotAllowedError: The person is no admin.
        StoreError: The store cannot be opened.
    """
    if desk.person.role < Role.ADMIN:
        raise NotAllowedError(too_little("see what people did", Role.ADMIN, desk.person))
    with reading(store(desk)) as con:
        return deeds.newest(con, limit=limit, action=action)


def _meant(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Read matchers; as for Alertmanager, one of them must not be met by an empty label."""
    matchers = tuple(read_matcher(text) for text in texts if text.strip())
    if all(matcher.matches({}) for matcher in matchers):
        raise Refused('say what is meant: one condition at least must name a value, as rule="rpo"')
    return matchers


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]
