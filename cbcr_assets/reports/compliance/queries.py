"""What the report asks a snapshot: rows as the models say them, clipped to a period.

Belongs here: SQL with parameters. Does not belong here: definitions (models), sums (see
`figures`), or the seconds of compliance (see `cbcr_assets.reports.rpo`).
"""

# Everything here is complete up to the oldest of these builds.
DATA_UNTIL = """
select min(built_at) from state.build_marks
where model in ('fct_rpo_compliance_daily', 'fct_rpo_violations', 'fct_backup_success_daily')
having count(*) = 3
"""
OBJECTIVE = "select any_value(objective) from marts.fct_rpo_error_budget"
INSTANCES = """
select
    instance_id, team, tier, environment, db_type, rpo_s as objective_s,
    rto_s as rto_objective_s, protect_from, retired_at,
    -- least() ignores null: who is not retired is protected until the end
    case when protect_from is not null then greatest(
        epoch_us(least(retired_at, $end::timestamp))
        - epoch_us(greatest(protect_from, $begin::timestamp)), 0
    ) end / 1000000.0 as protected_s
from marts.dim_instances
order by instance_id
"""
# When an instance was heard of last, by the best of its sources; int_instance_sources owns "blind".
HEARD = """
select instance_id, source_count, last_ok_at, stale_at from intermediate.int_instance_sources
"""
WINDOWS = """
with windows as (
    select instance_id, protect_from, retired_at, unnest(exclusions) as w
    from staging.stg_instances
),
clipped as (
    select
        instance_id,
        greatest(w.start, protect_from, $begin::timestamp) as started_at,
        least(w.stop, retired_at, $end::timestamp) as ended_at,
        coalesce(nullif(trim(w.reason), ''), 'no reason was written') as reason
    from windows
)
select *, (epoch_us(ended_at) - epoch_us(started_at)) / 1000000.0 as duration_s
from clipped
where ended_at > started_at
"""
# Intervals end where the models were built; a mart keeps the causes of those that are closed.
VIOLATIONS = """
select
    intervals.instance_id,
    intervals.started_at,
    case when not intervals.is_open and intervals.ended_at <= $end then intervals.ended_at end
        as ended_at,
    (
        least(epoch_us(intervals.ended_at), epoch_us($end::timestamp))
        - greatest(epoch_us(intervals.started_at), epoch_us($begin::timestamp))
    ) / 1000000.0 as duration_s,
    intervals.objective_s,
    intervals.is_open or intervals.ended_at > $end as is_open,
    case
        when causes.cause is not null then causes.cause
        when intervals.is_open then 'not_ended'
        else 'not_recorded'
    end as reason
from intermediate.int_rpo_intervals as intervals
left join marts.fct_rpo_violations as causes
    on
        intervals.instance_id = causes.instance_id
        and intervals.started_at = causes.started_at
        and intervals.ended_at = causes.ended_at
where intervals.started_at < $end and intervals.ended_at > $begin
order by intervals.instance_id, intervals.started_at
"""
BACKUPS = """
select
    instance_id,
    sum(scheduled)::bigint as scheduled,
    sum(first_try)::bigint as first_try,
    sum(eventual)::bigint as eventual,
    sum(missed)::bigint as missed,
    sum(unknown)::bigint as unseen,
    sum(failed)::bigint as failed,
    sum(lost)::bigint as lost
from marts.fct_backup_success_daily
where day >= $begin::date and day < $end::date
group by instance_id
"""
# Days that were let go (docs/retention.md) would look like days on which nothing was scheduled: a
# run that was promised, before the first day that is told of, was counted once.
LET_GO = """
select count(*) > 0
from raw.scheduled_runs as runs
inner join staging.stg_instances as instances using (instance_id)
where
    runs.scheduled_at >= $begin::timestamp
    and runs.scheduled_at < least(
        $end::timestamp, (select min(day) from marts.fct_backup_success_daily)
    )
    and runs.scheduled_at >= instances.protect_from
    and coalesce(runs.scheduled_at < instances.retired_at, true)
    and len([
        w for w in coalesce(instances.exclusions, [])
        if w.start <= runs.scheduled_at and w.stop > runs.scheduled_at
    ]) = 0
"""
RESTORES = """
select
    instance_id, outcome as state, requested_at as started_at, ended_at,
    (
        least(epoch_us(ended_at), epoch_us($end::timestamp))
        - greatest(epoch_us(requested_at), epoch_us($begin::timestamp))
    ) / 1000000.0 as duration_s,
    objective_s, source_id, restore_key, purpose, rto_s, at_least_s, meets_rto
from marts.fct_restore_drills
where
    coalesce(ended_at, requested_at, started_at) >= $begin
    and coalesce(ended_at, requested_at, started_at) < $end
order by coalesce(ended_at, requested_at, started_at), instance_id, source_id, restore_key
"""
LAST_PROVEN = """
select instance_id, max(ended_at) as last_proven_at from marts.fct_restore_drills
where outcome in ('proven', 'untimed') and ended_at < $end
group by instance_id
"""
