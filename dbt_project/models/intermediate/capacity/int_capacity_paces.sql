-- How much a volume that never fell grows a day, at each origin of a forecast: the mean of its last
-- quarter, of its last year, and of what is usual in the fleet. Volumes that fell before are not here.
{{ config(materialized='table') }}

with days as (

    select * from {{ ref('int_capacity_days') }}

),

origins as (

    select volume, origin from {{ ref('int_capacity_origins') }}
    union
    select volume, origin from {{ ref('int_capacity_backtests') }}
    where origin >= {{ day_number(cbcr_now()) }} - {{ backtest_days() }}

),

steps as (

    select
        volume,
        day_number,
        used_bytes < lag(used_bytes) over (partition by volume order by day_number) as is_fall
    from days

),

volumes as (

    select
        volume,
        min(day_number) as first_day,
        min(day_number) filter (is_fall) as fell_on
    from steps
    group by volume

),

never_fell as (

    select
        origins.volume,
        origins.origin
        {%- for window in pace_windows() %},
        least({{ window }}, origin - first_day) as window_{{ window }}
        {%- endfor %}
    from origins
    inner join volumes using (volume)
    where
        coalesce(fell_on > origin, true)
        and origin - first_day >= {{ backtest_least_days() }}

),

paces as (

    select
        never_fell.volume,
        never_fell.origin,
        today.used_bytes as level_bytes
        {%- for window in pace_windows() %},
        (today.used_bytes - before_{{ window }}.used_bytes) / window_{{ window }} as pace_{{ window }}
        {%- endfor %}
    from never_fell
    inner join days as today
        on never_fell.volume = today.volume and never_fell.origin = today.day_number
    {%- for window in pace_windows() %}
    inner join days as before_{{ window }}
        on
            never_fell.volume = before_{{ window }}.volume
            and never_fell.origin - window_{{ window }} = before_{{ window }}.day_number
    {%- endfor %}

),

-- of the newest day of each volume
fleet as (

    select
        count(*) as n,
        median(share) as share
    from (
        select arg_max(pace_{{ pace_windows() | max }} / level_bytes, origin) as share
        from paces
        where level_bytes > 0
        group by volume
    )

),

final as (

    select
        volume,
        origin,
        level_bytes,
        (
            {%- for window in pace_windows() %}
            pace_{{ window }} +
            {%- endfor %}
            level_bytes
            * (n * coalesce(share, 0) + {{ pace_prior_weight() }} * {{ usual_pace() }})
            / (n + {{ pace_prior_weight() }})
        ) / {{ pace_windows() | length + 1 }} as pace_bytes
    from paces
    cross join fleet
    where level_bytes > 0

)

select * from final
