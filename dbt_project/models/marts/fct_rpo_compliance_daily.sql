-- Seconds, not jobs: how much of each day was measured, and how much of it violated.
with steps as (

    select * from {{ ref('int_rpo_steps') }}
    where is_measured

),

days as (

    select
        *,
        unnest(range(
            epoch_us(started_at) // 86400000000, (epoch_us(ended_at) - 1) // 86400000000 + 1
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
        epoch_us(recovery_point_at) as point_us
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
        sum(measured_us) / 1000000.0 as measured_s,
        sum(violation_us) / 1000000.0 as violation_s,
        1 - sum(violation_us) / sum(measured_us) as compliance,
        max(case when point_us is not null then greatest(to_us - point_us, 0) end) / 1000000.0
            as worst_exposure_s
    from violated
    group by all

)

select * from final
