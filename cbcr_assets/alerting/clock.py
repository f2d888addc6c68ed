"""The engine's clock: seconds that really passed, whatever people do to the wall clock.

Belongs here: advancing that clock within a transaction, and the machine's own count.
Does not belong here: what depends on time (see `engine`).

All processes of a machine share the count of seconds since it was started. After a restart, or
between machines, only the wall clock can tell how much time has passed; it never counts backwards.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cbcr_assets.alerting.model import Moment
from cbcr_assets.alerting.tables import engine_clock

_READ, _SET = sa.select(engine_clock), engine_clock.update()
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Uptime:
    """How long a machine has been running.

    Attributes:
        boot_id: Identity of this run of the machine.
        seconds: Since its start, sleep included.
    """

    boot_id: str
    seconds: float


Timer = Callable[[], Uptime | None]


def uptime() -> Uptime | None:
    """Return the machine's uptime; None where it does not tell."""
    try:
        boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
        return Uptime(boot_id, time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, AttributeError):
        return None


def wall_only() -> Uptime | None:
    """Trust the wall clock: for clocks that a test or a simulation turns."""
    return None


def present(con: sa.Connection, now: datetime, timer: Timer) -> Moment:
    """Return the present on both clocks without writing anything."""
    return _present(con, now, timer())[0]


def advance(con: sa.Connection, now: datetime, timer: Timer) -> Moment:
    """Return the present on both clocks, and remember it.

    Args:
        con: Writing transaction.
        now: Present, naive UTC.
        timer: Tells the machine's uptime.
    """
    up = timer()
    moment, is_new = _present(con, now, up)
    values = {
        "elapsed_e": moment.elapsed_e, "wall": now,
        "boot_id": up.boot_id if up else "", "boot_s": up.seconds if up else 0.0,
    }  # fmt: skip
    if is_new:
        con.execute(engine_clock.insert().values(id=1, **values))
    else:
        con.execute(_SET, values)
    return moment


def _present(con: sa.Connection, now: datetime, up: Uptime | None) -> tuple[Moment, bool]:
    row = con.execute(_READ).first()
    if row is None:
        return Moment(now, 0.0), True
    if up is not None and row.boot_id == up.boot_id:
        passed_s = up.seconds - row.boot_s
    else:
        passed_s = (now - row.wall).total_seconds()
    return Moment(now, row.elapsed_e + max(passed_s, 0.0)), False
