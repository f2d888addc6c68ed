"""What was left out of the measured time, or could not be measured, and why.

Belongs here: one row for each reason of each instance. Does not belong here: how much time that was
in all (column `excluded_s` of the instances, which overlapping windows cannot add to twice).
"""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cbcr_assets.reports.compliance import queries
from cbcr_assets.reports.compliance.columns import SCHEMA, typed
from cbcr_assets.reports.compliance.model import Period
from cbcr_assets.warehouse import Session

_GRACE = "new: one objective at most, or until its first backup, counts as kept"


def exclusions_of(session: Session, instances: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Return the exclusions of a period.

    Args:
        session: An open snapshot.
        instances: With state, reason, unseen_from and unseen_reason, protect_from and retired_at.
        period: Which time.

    Returns:
        Section `exclusion`; `state` is maintenance, onboarding, grace, retired, unmeasured (nothing
        is known to measure by) or unseen (counted as it was known when it was heard of last).
    """
    asked = {"begin": period.begin, "end": period.end}
    windows = session.query(queries.WINDOWS, asked).with_columns(state=pl.lit("maintenance"))
    others = [
        row
        for instance in instances.iter_rows(named=True)
        for row in (*_edges(instance, period), *_unknown(instance, period))
    ]
    columns = ["instance_id", "state", "reason", "started_at", "ended_at", "duration_s"]
    frame = pl.DataFrame(others, schema={name: SCHEMA[name] for name in columns}, orient="row")
    who = instances.select("instance_id", "team", "tier", "environment", "db_type")
    both = pl.concat([windows.select(columns), frame]).join(who, on="instance_id", how="inner")
    return typed("exclusion", both.sort("state", "instance_id", "started_at", "reason"))


def _unknown(instance: dict[str, Any], period: Period) -> list[tuple[Any, ...]]:
    """Tell what nothing is known of, or nothing since some moment."""
    one, since = instance["instance_id"], instance["unseen_from"]
    if instance["state"] == "unknown" and instance["compliance"] is None:
        return [_row(one, "unmeasured", instance["reason"], period.begin, period.end)]
    if since is None or instance["state"] == "excluded":
        return []
    end = min(instance["retired_at"] or period.end, period.end)
    return [_row(one, "unseen", f"{instance['unseen_reason']}; counted as known then", since, end)]


def _edges(instance: dict[str, Any], period: Period) -> list[tuple[Any, ...]]:
    """Tell where protection began or ended inside of the period, or lies outside of it."""
    one, since, until = (instance[name] for name in ("instance_id", "protect_from", "retired_at"))
    rows = []
    if since is not None and since > period.begin:
        told = f"protected from {since:%Y-%m-%d %H:%M}Z on"
        rows.append(_row(one, "onboarding", told, period.begin, min(since, period.end)))
    if since is not None and instance["objective_s"] is not None:
        grace = since + timedelta(seconds=instance["objective_s"])
        if since < period.end and grace > period.begin:
            begin, end = max(since, period.begin), min(grace, period.end)
            rows.append(_row(one, "grace", _GRACE, begin, end))
    if until is not None and until < period.end:
        told = f"retired at {until:%Y-%m-%d %H:%M}Z"
        rows.append(_row(one, "retired", told, max(until, period.begin), period.end))
    return rows


def _row(one: str, state: str, reason: str, begin: datetime, end: datetime) -> tuple[Any, ...]:
    return one, state, reason, begin, end, (end - begin).total_seconds()
