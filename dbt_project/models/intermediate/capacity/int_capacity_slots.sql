-- The backups of one instance, type and day on a volume, with the days since the slot before: what a
-- cadence, a size and a time of keeping are read from.
{{ config(materialized='table') }}

with slots as (

    select
        volume,
        instance_id,
        backup_type,
        start_day,
        sum(bytes)::double as bytes,
        max(planned_day) as planned_day,
        max(gone_day) as gone_day
    from {{ ref('int_capacity_sets') }}
    group by all

),

final as (

    select
        *,
        start_day - lag(start_day) over (
            partition by volume, instance_id, backup_type order by start_day
        ) as gap_days
    from slots
    -- written in the order in which it is read
    order by start_day

)

select * from final
