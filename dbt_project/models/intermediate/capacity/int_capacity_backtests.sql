-- What would have been forecast each thirty days of the past nine months, by the same query, with
-- what was known on that day. What was once computed stays; a volume that is new here is told all of
-- its past.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail'
) }}

with days as (

    select * from {{ ref('int_capacity_days') }}

),

spans as (

    select
        volume,
        min(day_number) as first_day,
        max(day_number) as last_day
    from days
    group by volume

),

grid as (

    select volume, unnest(range(
        greatest(last_day - {{ backtest_days() }}, first_day + {{ backtest_least_days() }})
            // {{ backtest_every() }} * {{ backtest_every() }} + {{ backtest_every() }},
        last_day - 6,
        {{ backtest_every() }}
    )) as origin
    from spans

),

asked as (

    select * from grid
    {% if is_incremental() %}
        anti join {{ this.include(database=false) }} using (volume, origin)
    {% endif %}

),

forecasts as (

    {{ capacity_paths('asked', backtest_horizons() | max) }}

),

final as (

    select volume, origin, h, method, used_bytes, mean_bytes
    from forecasts
    where h in ({{ backtest_horizons() | join(', ') }})

)

select * from final
