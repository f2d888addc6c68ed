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

final as (

    select
        instance_id,
        day,
        sum(to_us - from_us) / 1000000.0 as measured_s,
        sum(coalesce(greatest(to_us - greatest(from_us, violated_us), 0), 0)) / 1000000.0
            as violation_s,
        1 - sum(coalesce(greatest(to_us - greatest(from_us, violated_us), 0), 0))
        / sum(to_us - from_us) as compliance,
        max(greatest(to_us - point_us, 0)) / 1000000.0 as worst_exposure_s
    from clipped
    group by all

)

select * from final
