"""What is open and who takes care, what was told, and how alerting itself does: the Alerts page.

Belongs here: queries of that page: the present from the alert store, the past from the snapshot.
Does not belong here: SQL of the store (see `cbcr_assets.alerting.board`), drawing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa
import streamlit as st

from cbcr_assets.alerting import StoreError
from cbcr_assets.alerting.board import Board
from cbcr_assets.config import ConfigError
from cbcr_assets.steps.platform import open_running
from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history

T = TypeVar("T")


class BoardUnreadableError(Exception):
    """The alert store cannot be read from here; the message says why."""


def look(ask: Callable[[Board], T]) -> T:
    """Return what the alert store answers now.

    The configuration is found as every command finds it: `CBCR_CONFIG`, else ./cbcr.yaml.

    Raises:
        BoardUnreadableError: There is no configuration, no store yet, or it cannot be read.
    """
    try:
        return ask(open_running().board(now=datetime.now(UTC).replace(tzinfo=None)))
    except (ConfigError, StoreError) as error:
        raise BoardUnreadableError(str(error)) from error
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise BoardUnreadableError(f"the alert store cannot be read: {error}") from error


@st.cache_data(ttl=3, max_entries=2, show_spinner=False)
def all_silences() -> list[dict[str, Any]]:
    """Return silences that last or will: id, matchers, start, end, by, comment."""
    return [
        {
            "id": one.id, "matchers": ", ".join(str(m) for m in one.matchers), "start": one.start,
            "end": one.end, "by": one.by, "comment": one.comment,
        }
        for one in look(lambda board: board.silences())
    ]  # fmt: skip


def response(at: Snapshot, days: int) -> dict[str, Any]:
    """Return how fast people and messages were with the alerts that opened within some days."""
    sql = """
        select count(*) as episodes, count(acknowledged_at) as acknowledged,
          count(resolved_at) as resolved, median(time_to_tell_s) as time_to_tell_s,
          median(time_to_acknowledge_s) as time_to_acknowledge_s,
          median(time_to_resolve_s) as time_to_resolve_s,
          coalesce(sum(undelivered), 0) as undelivered
        from marts.fct_alert_history where opened_at > cbcr_now() - to_days($days::integer)"""
    return history(at, sql, {"days": days}).row(0, named=True)


def noise(at: Snapshot, days: int) -> pl.DataFrame:
    """Return each rule with its alerts of some days, the noisiest first."""
    sql = """
        select rule, sum(episodes) as episodes, sum(short_lived) as short_lived,
          sum(acknowledged) as acknowledged, sum(messages) as messages,
          sum(still_open) as still_open
        from marts.fct_alert_noise where day > cbcr_now()::date - $days::integer
        group by rule order by short_lived desc, episodes desc, rule"""
    return history(at, sql, {"days": days})


def past(at: Snapshot, days: int, rows: int) -> pl.DataFrame:
    """Return alerts of some days as they were exported, the newest first; `total` counts all."""
    sql = """
        select rule, subject_kind, subject_id, team, severity, started_at, opened_at,
          acknowledged_at, acknowledged_by, resolved_at, messages, undelivered, flapping,
          count(*) over () as total
        from marts.fct_alert_history where opened_at > cbcr_now() - to_days($days::integer)
        order by opened_at desc, rule, subject_id limit $rows"""
    return history(at, sql, {"days": days, "rows": rows})
