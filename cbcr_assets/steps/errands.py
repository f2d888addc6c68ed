"""What people asked for on a page and only a run of the watch lane may do: it writes the warehouse.

Belongs here: doing these errands, one fault at a time, and saying what came of each.
Does not belong here: leaving them (see `actions`), what a release means (`warehouse.release`).
"""

from datetime import datetime

import sqlalchemy as sa

from cbcr_assets.alerting import errands
from cbcr_assets.alerting.errands import Errand
from cbcr_assets.alerting.tables import StoreError, open_store, reading, writing
from cbcr_assets.steps.platform import Platform
from cbcr_assets.warehouse import WarehouseLocked
from cbcr_assets.warehouse.release import release

_WAIT_S = 5.0


def waiting(platform: Platform) -> list[Errand]:
    """Return what is to be done, the oldest first; nothing when the store cannot be read now."""
    try:
        with reading(open_store(platform.alert_store, wait_s=_WAIT_S)) as con:
            return errands.waiting(con)
    except (StoreError, sa.exc.OperationalError):
        return []  # the next look finds them


def run_errands(platform: Platform, *, now: datetime) -> list[str]:
    """Do what waits; called by whoever holds the warehouse's turn.

    An errand waits on while the warehouse is in use; what fails otherwise is not tried again.

    Args:
        platform: Whose errands.
        now: Present, naive UTC.

    Returns:
        One sentence for each that was done.
    """
    told = []
    for errand in waiting(platform):
        try:
            outcome, result = _do(platform, errand, now)
        except WarehouseLocked as error:
            told.append(f"{errand.kind} {errand.target}: later, {error}")
            continue
        except Exception as error:  # noqa: BLE001 - it would be asked for again and again
            outcome, result = "failed", f"{type(error).__name__}: {error}"
        with writing(open_store(platform.alert_store)) as con:
            errands.finish(con, errand.id, outcome=outcome, result=result, now=now)
        told.append(f"{errand.kind} {errand.target}, asked by {errand.asked_by}: {result}")
    return told


def _do(platform: Platform, errand: Errand, now: datetime) -> tuple[str, str]:
    if errand.kind != errands.RELEASE:
        return "failed", f"this CBCR does not know how to {errand.kind}"
    with platform.warehouse.write() as session:
        done = release(session, errand.target, now=now)
    if done:
        return "done", "the row counts from the next build on"
    return "nothing", "it was released before, or there is no such entry"
