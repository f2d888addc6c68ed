-- First-try and eventual are two numbers; running and cancelled attempts are in no denominator.
with runs as (

    select * from {{ ref('int_scheduled_runs') }}
    where outcome <> 'waiting'

),

attempts as (

    select * from {{ ref('int_backup_attempts') }}
    where instance_id is not null and started_at is not null

),

by_run as (

    select
        instance_id,
        scheduled_at::date as day,
        backup_type,
        count(*) as scheduled,
        count(*) filter (outcome not in ('missed', 'unknown')) as attempted,
        count(*) filter (outcome = 'first_try') as first_try,
        count(*) filter (outcome = 'first_try' or has_success) as eventual,
        count(*) filter (outcome = 'missed') as missed,
        count(*) filter (outcome = 'unknown') as unknown
    from runs
    group by all

),

by_attempt as (

    select
        instance_id,
        started_at::date as day,
        backup_type,
        count(*) filter (state = 'failed') as failed,
        count(*) filter (state = 'lost') as lost,
        count(*) filter (state = 'cancelled') as cancelled,
        count(*) filter (not {{ is_finished('state') }}) as running
    from attempts
    group by all

),

final as (

    select
        instance_id,
        day,
        coalesce(backup_type, 'unknown') as backup_type,
        coalesce(by_run.scheduled, 0) as scheduled,
        coalesce(by_run.attempted, 0) as attempted,
        coalesce(by_run.first_try, 0) as first_try,
        coalesce(by_run.eventual, 0) as eventual,
        coalesce(by_run.missed, 0) as missed,
        coalesce(by_run.unknown, 0) as unknown,
        coalesce(by_attempt.failed, 0) as failed,
        coalesce(by_attempt.lost, 0) as lost,
        coalesce(by_attempt.cancelled, 0) as cancelled,
        coalesce(by_attempt.running, 0) as running
    from by_run
    full outer join by_attempt using (instance_id, day, backup_type)

)

select * from final
