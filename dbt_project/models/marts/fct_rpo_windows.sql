-- RPO compliance of each instance over the last 1, 7, 30 and 90 UTC days, today included, and its rank
-- among the worst; nothing measured is no compliance.
{{ config(materialized='view') }}

with days as (

    select * from {{ ref('fct_rpo_compliance_daily') }}
    where day > {{ cbcr_now() }}::date - 90

),

windows as (

    select unnest([1, 7, 30, 90]) as window_days

),

summed as (

    select
        days.instance_id,
        windows.window_days,
        sum(days.measured_s) as measured_s,
        sum(days.violation_s) as violation_s,
        max(days.worst_exposure_s) as worst_exposure_s
    from days
    inner join windows on days.day > {{ cbcr_now() }}::date - windows.window_days
    group by all

),

final as (

    select
        instance_id,
        window_days,
        measured_s,
        violation_s,
        1 - violation_s / nullif(measured_s, 0) as compliance,
        worst_exposure_s,
        row_number() over (
            partition by window_days
            order by violation_s / nullif(measured_s, 0) desc nulls last, violation_s desc, instance_id
        ) as worst_rank
    from summed

)

select * from final
