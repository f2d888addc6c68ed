-- Seconds, not jobs: how much of each day was measured, and how much of it violated.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ drop_from_scope('day', 'day + interval 1 day') }}",
    post_hook="{{ mark_built() }}"
) }}

with steps as (

    select * from {{ ref('int_rpo_changed_steps') }}

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
        clock,
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

by_clock as (

    select
        clock,
        instance_id,
        day,
        coalesce(sum(measured_us) filter (is_measured), 0) / 1000000.0 as measured_s,
        sum(violation_us) / 1000000.0 as violation_s,
        max(greatest((to_us - point_us) / 1000000.0, worst_lag_s)) filter (
            is_measured and point_us is not null
        ) as worst_exposure_s
    from violated
    group by all

),

final as (

    select
        known.instance_id,
        known.day,
        known.measured_s,
        known.violation_s,
        -- Nothing measured is no compliance, neither 0 nor 1.
        1 - known.violation_s / nullif(known.measured_s, 0) as compliance,
        known.worst_exposure_s,
        coalesce(restated.violation_s, known.violation_s) as restated_violation_s,
        1 - coalesce(restated.violation_s, known.violation_s) / nullif(known.measured_s, 0)
            as restated_compliance
    from by_clock as known
    left join by_clock as restated
        on
            known.instance_id = restated.instance_id
            and known.day = restated.day
            and restated.clock = 'restated'
    where known.clock = 'known'

)

select * from final
