"""Limits of a receiver: a bucket of messages that fills again with time.

Belongs here: who may not be sent anything right now. Does not belong here: what goes first.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.tables import bucket
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.routing import RateLimit

# Rounding must not cost a message its turn.
_ONE = 1 - 1e-9


def throttled(con: sa.Connection, policy: Policy, now_e: float) -> set[str]:
    """Return the receivers whose bucket is empty."""
    limits = _limits(policy)
    return {name for name in limits if _tokens(con, name, limits[name], now_e) < _ONE}


def spend(con: sa.Connection, policy: Policy, receivers: Iterable[str], now_e: float) -> None:
    """Take one message out of the bucket of each of these receivers."""
    limits = _limits(policy)
    for name in receivers:
        if name in limits:
            left = max(_tokens(con, name, limits[name], now_e) - 1, 0.0)
            con.execute(bucket.delete().where(bucket.c.receiver == name))
            con.execute(bucket.insert().values(receiver=name, tokens=left, at_e=now_e))


def _limits(policy: Policy) -> dict[str, RateLimit]:
    return {name: r.rate_limit for name, r in policy.receivers.items() if r.rate_limit is not None}


def _tokens(con: sa.Connection, receiver: str, limit: RateLimit, now_e: float) -> float:
    row: Any = con.execute(sa.select(bucket).where(bucket.c.receiver == receiver)).first()
    if row is None:
        return float(limit.count)
    refilled = (now_e - row.at_e) * limit.count / limit.per_s
    return min(float(row.tokens + refilled), float(limit.count))
