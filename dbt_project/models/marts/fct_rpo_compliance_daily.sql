-- Seconds, not jobs: how much of each day was measured, and how much of it violated.
with steps as (

    select * from {{ ref('int_rpo_steps') }}

),

days as (

    select
        *,
        unnest(range(
            {{ day_number('started_at') }},
            {{ day_number('ended_at - interval 1 microsecond') }} + 1
        )) as day_number
    from steps

),

clipped as (

    select
        instance_id,
        date '1970-01-01' + day_number::integer as day,
        greatest(epoch_us(started_at), day_number * 86400000000) as from_us,
        least(epoch_us(ended_at), (day_number + 1) * 86400000000) as to_us,
        epoch_us(violated_from) as violated_us,
        epoch_us(recovery_point_at) as point_us,
        worst_lag_s,
        is_measured
    from days

),

violated as (

    -- greatest() ignores null, so what was never violated must be told apart
    select
        *,
        to_us - from_us as measured_us,
        case
            when violated_us is null then 0
            else greatest(to_us - greatest(from_us, violated_us), 0)
        end as violation_us
    from clipped

),

final as (

    select
        instance_id,
        day,
        coalesce(sum(measured_us) filter (is_measured), 0) / 1000000.0 as measured_s,
        sum(violation_us) / 1000000.0 as violation_s,
        -- Nothing measured is no compliance, neither 0 nor 1.
        1 - sum(violation_us) / sum(measured_us) filter (is_measured) as compliance,
        max(greatest((to_us - point_us) / 1000000.0, worst_lag_s)) filter (
            is_measured and point_us is not null
        ) as worst_exposure_s
    from violated
    group by all

)

select * from final
