-- The peak fill of each volume by day, gaps filled: what every forecast starts from. A volume is its
-- name; where two sources sample one name, the newest sample of the day counts.
{{ config(materialized='table') }}

with daily as (

    select
        volume,
        {{ day_number('day::timestamp') }} as day_number,
        arg_max(max_used_bytes, last_sampled_at) as used_bytes,
        arg_max(size_bytes, last_sampled_at) as size_bytes
    from {{ ref('fct_storage_daily') }}
    where
        day < {{ cbcr_now() }}::date
        and day >= {{ cbcr_now() }}::date - {{ capacity_days_kept() }}
        and max_used_bytes is not null
    group by all

),

usual as (

    select volume, median(size_bytes) as size_bytes
    from daily
    group by volume

),

measured as (

    select
        daily.*,
        {{ is_other_unit('daily.size_bytes', 'usual.size_bytes') }} as is_suspect
    from daily
    inner join usual using (volume)

),

spans as (

    -- A volume that fell silent goes on as it was until it is called stale.
    select
        volume,
        min(day_number) as first_day,
        least(
            max(day_number) + {{ storage_stale_days() }},
            {{ day_number(cbcr_now()) }} - 1
        ) as last_day
    from measured
    where not is_suspect
    group by volume

),

calendar as (

    select volume, unnest(range(first_day, last_day + 1)) as day_number
    from spans

),

neighbours as (

    select
        volume,
        day_number,
        used_bytes,
        last_value(used_bytes ignore nulls) over before_ as used_before,
        last_value(measured_day ignore nulls) over before_ as day_before,
        first_value(used_bytes ignore nulls) over after_ as used_after,
        first_value(measured_day ignore nulls) over after_ as day_after
    from calendar
    left join (
        select volume, day_number, day_number as measured_day, used_bytes from measured
        where not is_suspect
    ) as believed using (volume, day_number)
    window
        before_ as (
            partition by volume order by day_number
            rows between unbounded preceding and current row
        ),
        after_ as (
            partition by volume order by day_number
            rows between current row and unbounded following
        )

),

final as (

    select
        volume,
        day_number,
        used_bytes is not null as is_measured,
        case
            when used_bytes is not null or day_after is null then used_before
            else used_before + (used_after - used_before)
                * (day_number - day_before) / (day_after - day_before)
        end::double as used_bytes
    from neighbours

)

select * from final
