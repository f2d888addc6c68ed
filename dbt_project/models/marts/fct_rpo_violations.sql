-- Closed intervals only: the tail that is still open has no end, live_rpo_status tells it.
-- The first cause that applies counts: never_backed_up, expired or corrupt (the newest point was
-- lost as it began), missed (the newest run that was due before it ended), failed, archive_stalled
-- (the newest point was an archive), late (a success ended inside of it or ended it), unknown.
with steps as (

    select * from {{ ref('int_rpo_steps') }}

),

violated as (

    select *, ended_at as stopped_at from steps
    where violated_from is not null

),

marked as (

    select
        *,
        coalesce(lag(stopped_at) over w <> violated_from, true) as starts_anew
    from violated
    window w as (partition by instance_id order by violated_from)

),

numbered as (

    select
        *,
        sum(starts_anew::integer) over (
            partition by instance_id order by violated_from
        ) as island
    from marked

),

intervals as (

    select
        instance_id,
        island,
        min(violated_from) as started_at,
        max(stopped_at) as ended_at,
        any_value(objective_s) as objective_s,
        any_value(ends_at) as ends_at
    from numbered
    group by all

),

closed as (

    select
        intervals.*,
        {{ plus_seconds('intervals.started_at', '-intervals.objective_s') }} as looked_from
    from intervals
    inner join {{ ref('stg_instances') }} as instances using (instance_id)
    where
        intervals.ended_at < intervals.ends_at
        or instances.retired_at <= {{ cbcr_now() }}

),

attempts as (

    select * from {{ ref('int_backup_attempts') }}

),

runs as (

    select * from {{ ref('int_scheduled_runs') }}

),

points as (

    select * from {{ ref('int_recovery_points') }}
    where was_ever_usable

),

causes as (

    select
        closed.instance_id,
        closed.started_at,
        -- A point that would have kept the promise, had it not been lost.
        (
            select arg_max(points.unusable_reason, points.recovery_point_at) from points
            where
                points.instance_id = closed.instance_id
                and points.recovery_point_at > closed.looked_from
                and points.usable_until <= closed.started_at
        ) as lost_reason,
        (
            select count(*) from points
            where points.instance_id = closed.instance_id and points.usable_from < closed.started_at
        ) as points_before,
        (
            select arg_max(points.backup_type, points.recovery_point_at) from points
            where
                points.instance_id = closed.instance_id
                and points.usable_from < closed.started_at
        ) as newest_type,
        -- What happened between the last chance to stay within the objective and the end.
        (
            select arg_max(runs.outcome, (runs.scheduled_at, runs.backup_type = 'full')) from runs
            where
                runs.instance_id = closed.instance_id
                and runs.outcome <> 'waiting'
                and runs.scheduled_at < closed.ended_at
                and runs.scheduled_at >= closed.looked_from
        ) as newest_outcome,
        (
            select count(*) from attempts
            where
                attempts.instance_id = closed.instance_id
                and attempts.state in ('failed', 'lost')
                and attempts.started_at < closed.ended_at
                and attempts.started_at >= closed.looked_from
        ) as failed_attempts,
        (
            select count(*) from attempts
            where
                attempts.instance_id = closed.instance_id
                and {{ is_success('attempts.state') }}
                and attempts.finished_at > closed.started_at
                and attempts.finished_at <= closed.ended_at
        ) as late_attempts
    from closed

),

final as (

    select
        closed.instance_id,
        closed.started_at,
        closed.ended_at,
        {{ seconds_between('closed.started_at', 'closed.ended_at') }} as duration_s,
        closed.objective_s,
        case
            when causes.points_before = 0 then 'never_backed_up'
            when causes.lost_reason like '%expired' then 'expired'
            when causes.lost_reason like '%corrupt' then 'corrupt'
            when causes.newest_outcome = 'missed' then 'missed'
            when causes.failed_attempts > 0 then 'failed'
            when causes.newest_type = 'archive' then 'archive_stalled'
            when causes.late_attempts > 0 then 'late'
            else 'unknown'
        end as cause
    from closed
    inner join causes using (instance_id, started_at)

)

select * from final
