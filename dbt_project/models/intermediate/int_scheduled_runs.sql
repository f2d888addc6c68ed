-- What became of each run that the schedule asked for.
with instances as (

    select * from {{ ref('stg_instances') }}

),

slots as (

    select
        runs.*,
        instances.retired_at,
        coalesce(
            lead(runs.scheduled_at) over (
                partition by runs.instance_id, runs.backup_type order by runs.scheduled_at
            ),
            runs.due_at + interval 1 day
        ) as next_scheduled_at
    from {{ ref('stg_scheduled_runs') }} as runs
    inner join instances using (instance_id)
    where
        runs.scheduled_at >= instances.protect_from
        and (instances.retired_at is null or runs.scheduled_at < instances.retired_at)
        and not exists (
            select 1 from (select unnest(instances.exclusions) as e) as windows
            where runs.scheduled_at >= e.start and runs.scheduled_at < e.stop
        )

),

due as (

    select * from slots
where scheduled_at <= {{ cbcr_now() }}

),

attempts as (

    select * from {{ ref('int_backup_attempts') }}
    where instance_id is not null and started_at is not null

),

matched as (

    select
        due.instance_id,
        due.backup_type,
        due.scheduled_at,
        attempts.started_at,
        attempts.state,
        row_number() over (
            partition by due.instance_id, due.backup_type, due.scheduled_at
            order by attempts.started_at
        ) as try
    from due
    inner join attempts
        on
            due.instance_id = attempts.instance_id
            and attempts.started_at >= due.scheduled_at - interval 5 minute
            and attempts.started_at < due.next_scheduled_at - interval 5 minute
    where {{ strength('attempts.backup_type') }} >= {{ strength('due.backup_type') }}

),

outcomes as (

    select
        instance_id,
        backup_type,
        scheduled_at,
        min(started_at) as first_attempt_at,
        max(state) filter (try = 1) as first_state,
        bool_or({{ is_success('state') }}) as has_success,
        bool_or({{ is_finished('state') }}) as has_finished
    from matched
    group by all

),

final as (

    select
        due.instance_id,
        due.backup_type,
        due.scheduled_at,
        due.due_at,
        due.next_scheduled_at,
        outcomes.first_attempt_at,
        outcomes.first_state,
        coalesce(outcomes.has_success, false) as has_success,
        case
            when outcomes.first_attempt_at <= due.due_at then
                case
                    when not outcomes.has_finished then 'running'
                    when {{ is_success('outcomes.first_state') }} then 'first_try'
                    when outcomes.has_success then 'eventual'
                    else 'failed'
                end
            when due.due_at >= {{ cbcr_now() }} then 'waiting'
            -- A late start answers later; the promise of this moment was missed all the same.
            when outcomes.first_attempt_at is not null then 'missed'
            when coalesce(seen.last_ok_at, timestamp '1970-01-01') < due.due_at then 'unknown'
            else 'missed'
        end as outcome
    from due
    left join outcomes using (instance_id, backup_type, scheduled_at)
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

)

select * from final
