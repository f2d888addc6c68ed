"""The filter that every page shares: team, tier, database type.

Belongs here: its SQL and its choices. Does not belong here: widgets (see `urlstate`).
"""

from collections.abc import Sequence
from typing import Any

from cbcr_assets.warehouse import Snapshot
from streamlit_app.queries.session import history

FILTER = """
  (len($team) = 0 or list_contains($team, coalesce(team, '')))
  and (len($tier) = 0 or list_contains($tier, coalesce(tier, 0)))
  and (len($db_type) = 0 or list_contains($db_type, coalesce(db_type, '')))
"""


def scope(
    team: Sequence[str] = (), tier: Sequence[int] = (), db_type: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the parameters of a filter; empty means all."""
    return {"team": list(team), "tier": list(tier), "db_type": list(db_type)}


def choices(at: Snapshot) -> dict[str, list[Any]]:
    """Return the teams, tiers and database types that there are."""
    sql = "select distinct {0} as v from marts.dim_instances where {0} is not null order by 1"
    return {
        name: history(at, sql.format(name))["v"].to_list() for name in ("team", "tier", "db_type")
    }
