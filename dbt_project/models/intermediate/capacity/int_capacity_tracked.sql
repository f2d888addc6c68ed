-- Bytes by volume and day that the catalog knows of, as far back as CBCR has watched it: what is used
-- beside them is not tracked by any catalog.
{{ config(materialized='table') }}

with sets as (

    select * from {{ ref('int_capacity_sets') }}

),

changes as (

    select volume, start_day as day_number, sum(bytes)::double as bytes
    from sets
    group by all
    union all
    select volume, least(planned_day, gone_day) as day_number, -sum(bytes)::double as bytes
    from sets
    where least(planned_day, gone_day) is not null
    group by all

),

watched as (

    select volume, min(watched_day) as watched_day
    from sets
    group by volume

),

calendar as (

    select volume, day_number, bytes from changes
    union all
    select volume, day_number, 0 as bytes from {{ ref('int_capacity_days') }}

),

totals as (

    select volume, day_number, sum(bytes) as bytes
    from calendar
    group by all

),

summed as (

    select
        volume,
        day_number,
        sum(bytes) over (partition by volume order by day_number) as tracked_bytes
    from totals

),

final as (

    select summed.* from summed
    inner join watched using (volume)
    where
        day_number >= watched_day
        and day_number < {{ day_number(cbcr_now()) }}

)

select * from final
