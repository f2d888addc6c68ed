"""What is odd and what moves together: what `cbcr anomalies` and `cbcr correlations` print.

Belongs here: reading the marts.
Does not belong here: what is odd (dbt_project/macros/anomalies.sql), what moves together
(dbt_project/macros/correlations.sql).
"""

from datetime import datetime

import polars as pl

from cbcr_assets.warehouse import Session

_ANOMALIES = """
select
    started_at, instance_id, backup_type, kind, severity, measure, value, expected, ratio, z,
    event_started_at, event_runs, source_id, native_key
from marts.fct_backup_anomalies
where started_at >= $since and ($instance::varchar is null or instance_id = $instance)
order by started_at desc, instance_id, measure
"""
_CORRELATIONS = """
select
    is_finding, kind, component, metric, outcome, lag_h, n, n_effective, rho, p_value, q_value,
    tests, slope, finding, window_to
from marts.fct_performance_correlations
where is_finding or $every
order by q_value, abs(rho) desc, kind, component, metric, outcome
"""


def backup_anomalies(
    session: Session, *, since: datetime, instance: str | None = None
) -> pl.DataFrame:
    """Return odd backups, newest first.

    Args:
        session: An open snapshot.
        since: Backups that began then or later, naive UTC.
        instance: Of one instance; None: of all.

    Returns:
        Columns of `fct_backup_anomalies`: value and expected in bytes or seconds.
    """
    return session.query(_ANOMALIES, {"since": since, "instance": instance})


def correlations(session: Session, *, every: bool = False) -> pl.DataFrame:
    """Return what moved together, clearest first; with `every` also what was tested in vain."""
    return session.query(_CORRELATIONS, {"every": every})
