-- What became of the runs that can still be the newest of their kind: those of ten days, of 70 where
-- a schedule names days of a month, of 400 where it names months.
with instances as (

    select instance_id, {{ days_between_runs() }} as days
    from {{ ref('stg_instances') }}

),

rare as (

    select * from instances
    where days > 10

),

young_runs as (

    select runs.*
    from {{ ref('stg_scheduled_runs') }} as runs
    where runs.scheduled_at >= {{ cbcr_now() }} - interval 10 day
    union all
    select runs.*
    from {{ ref('stg_scheduled_runs') }} as runs
    inner join rare using (instance_id)
    where
        runs.scheduled_at < {{ cbcr_now() }} - interval 10 day
        and runs.scheduled_at >= {{ cbcr_now() }} - to_days(rare.days)

),

{{ due_runs('young_runs') }},

{{ run_attempts(ref('int_attempts_recent')) }},

{{ run_outcomes('run_attempts') }},

final as (

    select * from outcomes

)

select * from final
