"""The health of components now: what `cbcr health` prints.

Belongs here: reading the live views.
Does not belong here: the formula (dbt_project/macros/health.sql).
"""

import polars as pl

from cbcr_assets.warehouse import Session

_COMPONENTS = """
select
    kind, component_id, tier, team, state, score::double as score, coverage, main_reason as reason,
    action, to_json(reasons) as reasons, model_version
from live.live_component_health
where $kind::varchar is null or kind = $kind
-- Worst first; unknown sorts between critical and poor.
order by coalesce(score, 40), state <> 'unknown', tier, kind, component_id
"""
_HEADLINE = """
select headline, components, healthy, degraded, poor, critical, unknown
from live.live_fleet_health
where scope = case when $kind::varchar is null then 'fleet' else 'kind' end
    and ($kind::varchar is null or member = $kind)
"""


def component_health(session: Session, *, kind: str | None = None) -> pl.DataFrame:
    """Return every component, worst first.

    Args:
        session: An open snapshot; its `cbcr_now()` is the moment.
        kind: One kind of component; None: all.

    Returns:
        kind, component_id, tier, team, state, score (0 to 100; null: unknown), coverage (share),
        reason, action, reasons (JSON), model_version.
    """
    return session.query(_COMPONENTS, {"kind": kind})


def headline(session: Session, *, kind: str | None = None) -> pl.DataFrame:
    """Return the headline and the counts by state in one row; none where there is no component."""
    return session.query(_HEADLINE, {"kind": kind})
