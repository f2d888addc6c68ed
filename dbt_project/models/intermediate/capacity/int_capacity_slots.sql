-- The backups of one instance, type and day on a volume: what a cadence, a size and a time of keeping
-- are read from.
{{ config(materialized='table') }}

select
    volume,
    instance_id,
    backup_type,
    start_day,
    sum(bytes)::double as bytes,
    max(planned_day) as planned_day,
    max(gone_day) as gone_day
from {{ ref('int_capacity_sets') }}
where start_day >= {{ day_number(cbcr_now()) }} - {{ capacity_days_kept() }}
group by all
-- written in the order in which it is read
order by start_day
