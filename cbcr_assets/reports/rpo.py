"""Exact RPO compliance for any window: what `cbcr rpo` prints.

Belongs here: clipping the steps of `int_rpo_steps` to a window. Does not belong here: what a
violation is (that model owns it).
"""

from datetime import datetime

import polars as pl

from cbcr_assets.warehouse import Session

_KNOWN, _RESTATED = "int_rpo_steps", "int_rpo_restated_steps"
# The steps end where the models were built; from there to now the last step goes on as it is.
_QUERY = """
with steps as (
    select
        * exclude (ended_at),
        case
            when ended_at = ends_at and retired_at is null then greatest(ended_at, cbcr_now())
            else ended_at
        end as ended_at
    from {steps}
    inner join (select instance_id, retired_at from marts.dim_instances) using (instance_id)
),
judged as (
    select
        * exclude (violated_from),
        case
            when not is_measured then null
            when violated_from is not null then violated_from
            when recovery_point_at is null then null
            else recovery_point_at + to_microseconds((objective_s * 1000000)::bigint)
        end as violated_from
    from steps
),
clipped as (
    select
        instance_id,
        objective_s,
        is_measured,
        greatest(epoch_us(started_at), epoch_us($begin::timestamp)) as from_us,
        least(epoch_us(ended_at), epoch_us($end::timestamp)) as to_us,
        epoch_us(violated_from) as violated_us,
        epoch_us(recovery_point_at) as point_us
    from judged
),
inside as (
    -- greatest() ignores null, so what was never violated must be told apart
    select
        *,
        case
            when violated_us is null then 0
            else greatest(to_us - greatest(from_us, violated_us), 0)
        end as violation_us
    from clipped
    where is_measured and to_us > from_us
)
select
    dim.instance_id,
    dim.rpo_s as objective_s,
    coalesce(sum(to_us - from_us), 0) / 1000000.0 as measured_s,
    coalesce(sum(violation_us), 0) / 1000000.0 as violation_s,
    -- Nothing measured is no compliance at all, neither 0 nor 1.
    1 - sum(coalesce(violation_us, 0)) / nullif(sum(to_us - from_us), 0) as compliance,
    max(case when point_us is not null then greatest(to_us - point_us, 0) end) / 1000000.0
        as worst_exposure_s
from marts.dim_instances as dim
left join inside using (instance_id)
where $instance::varchar is null or dim.instance_id = $instance
group by dim.instance_id, dim.rpo_s
order by compliance nulls last, dim.instance_id
"""


def rpo_compliance(
    session: Session,
    *,
    begin: datetime,
    end: datetime,
    instance: str | None = None,
    restated: bool = False,
) -> pl.DataFrame:
    """Return compliance by instance for the window [begin, end).

    Args:
        session: An open snapshot.
        begin: Start, naive UTC.
        end: End, naive UTC; what lies after now is not measured.
        instance: One instance; None: all.
        restated: In hindsight: what was found corrupt never was usable. Else as it was known then.

    Returns:
        instance_id, objective_s, measured_s, violation_s (seconds), compliance (0 to 1, null where
        nothing was measured), worst_exposure_s (seconds; null where there was no recovery point).
        Maintenance and time outside of protection are not measured.
    """
    steps = f"intermediate.{_RESTATED if restated else _KNOWN}"
    # Of one instance alone a function tells the same without reading the others.
    query = _QUERY.replace("{steps}", steps if instance is None else f"{steps}_of($instance)")
    return session.query(query, {"begin": begin, "end": end, "instance": instance})
