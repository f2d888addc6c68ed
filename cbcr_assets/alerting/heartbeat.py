"""What each tick says without news: the dead man's switch, and to receivers that forget.

Belongs here: the call that is missed when CBCR is down, saying again how things stand to an
Alertmanager, and the memory of the last tick.
Does not belong here: alerting about it from inside (see `cbcr_assets.steps.watchdog`).
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import httpx
import sqlalchemy as sa

from cbcr_assets.alerting import receivers
from cbcr_assets.alerting.clock import Timer, present
from cbcr_assets.alerting.message import Member
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Rejected, Retry
from cbcr_assets.alerting.receivers.http import post
from cbcr_assets.alerting.tables import meta, reading, writing
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.receivers import AlertmanagerReceiver
from cbcr_assets.config.values import SecretRef

_TIMEOUT_S = 5.0
_TICK = "last_tick_e"
_BEAT = "last_beat_e"
_AGAIN = "last_again_e"
_AGAIN_S = 60.0


def beat(engine: sa.Engine, policy: Policy, *, now: datetime, timer: Timer) -> str:
    """Call the heartbeat's address if it is due; a failure is told, never raised.

    Returns:
        What came of it, without secrets; empty: nothing was due.
    """
    if policy.heartbeat is None:
        return ""
    with reading(engine) as con:
        now_e = present(con, now, timer).elapsed_e
        last_e = _moment(con, _BEAT)
    if last_e is not None and now_e - last_e < policy.heartbeat.every_s:
        return ""
    url = policy.heartbeat.url
    try:
        address = url.resolve(policy.environ) if isinstance(url, SecretRef) else url
    except ValueError as error:
        return str(error)
    answer = post(address, {"at": now.isoformat() + "Z"}, headers={}, timeout_s=_TIMEOUT_S)
    if isinstance(answer, Retry):
        return answer.why
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        return f"HTTP {answer.status_code}"
    with writing(engine) as con:
        _note(con, _BEAT, now_e)
    return "ok"


def say_again(
    engine: sa.Engine,
    policy: Policy,
    links: Links,
    standing: Callable[[str], Iterable[Member]],
    *,
    now: datetime,
    timer: Timer,
) -> dict[str, str]:
    """Tell receivers that forget, Alertmanagers, how all things stand, once a minute.

    What was not taken is said again with the next tick: nothing there ends before its `hold`.

    Args:
        engine: The store.
        policy: Who the receivers are.
        links: Where people find more.
        standing: Returns what a receiver was told of, as it stands.
        now: Present, naive UTC.
        timer: Tells the machine's uptime.

    Returns:
        What came of it, by receiver, without secrets.
    """
    said = {}
    for name, config in policy.receivers.items():
        if not isinstance(config, AlertmanagerReceiver):
            continue
        with reading(engine) as con:
            now_e = present(con, now, timer).elapsed_e
            last_e = _moment(con, f"{_AGAIN}/{name}")
        if last_e is not None and now_e - last_e < _AGAIN_S:
            continue
        members = [one for one in standing(name) if config.send_resolved or not one.is_over]
        outcome = receivers.say_again(
            config, members, links=links, environ=policy.environ, now=now, timeout_s=_TIMEOUT_S
        )
        said[name] = outcome.why if isinstance(outcome, Retry | Rejected) else "ok"
        if said[name] == "ok":
            with writing(engine) as con:
                _note(con, f"{_AGAIN}/{name}", now_e)
    return said


def note_tick(con: sa.Connection, now_e: float) -> None:
    """Remember that a tick was done."""
    _note(con, _TICK, now_e)


def tick_age_s(con: sa.Connection, now_e: float) -> float | None:
    """Return how long ago the last tick was, seconds; None: there never was one."""
    last_e = _moment(con, _TICK)
    return None if last_e is None else now_e - last_e


def _moment(con: sa.Connection, name: str) -> float | None:
    value = con.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar()
    return None if value is None else float(value)


def _note(con: sa.Connection, name: str, now_e: float) -> None:
    con.execute(meta.delete().where(meta.c.name == name))
    con.execute(meta.insert().values(name=name, value=repr(now_e)))
