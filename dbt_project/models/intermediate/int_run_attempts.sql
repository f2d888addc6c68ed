-- Which attempts answer which scheduled run. A run lasts until the next one of its kind; whoever
-- starts five minutes early means the run to come.
with instances as (

    select * from {{ ref('stg_instances') }}

),

slots as (

    select
        runs.instance_id,
        runs.backup_type,
        runs.scheduled_at,
        runs.due_at,
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

kinds as (

    select distinct instance_id, backup_type from due

),

-- A stronger backup answers for a weaker one.
candidates as (

    select
        attempts.instance_id,
        kinds.backup_type,
        attempts.source_id,
        attempts.attempt_key,
        attempts.started_at,
        attempts.state,
        attempts.started_at + interval 5 minute as reaches_at
    from {{ ref('int_backup_attempts') }} as attempts
    inner join kinds using (instance_id)
    where
        attempts.started_at is not null
        and {{ strength('attempts.backup_type') }} >= {{ strength('kinds.backup_type') }}

),

matched as (

    select
        candidates.*,
        due.scheduled_at
    from candidates
    asof inner join due
        on
            candidates.instance_id = due.instance_id
            and candidates.backup_type = due.backup_type
            and candidates.reaches_at >= due.scheduled_at
    where candidates.reaches_at < due.next_scheduled_at

),

final as (

    select
        due.instance_id,
        due.backup_type,
        due.scheduled_at,
        due.due_at,
        matched.source_id,
        matched.attempt_key,
        matched.started_at,
        matched.state
    from due
    left join matched using (instance_id, backup_type, scheduled_at)

)

select * from final
