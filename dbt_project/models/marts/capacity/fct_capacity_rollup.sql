-- Room of the fleet and of each pool (the volumes of one host: what stands before the colon of their
-- names). Room of one volume is no room of another: the date is that of the first volume that is full.
with forecasts as (

    select * from {{ ref('fct_capacity_forecast') }}

),

ahead as (

    select
        volume,
        {% for days in [30, 90, 365] -%}
        any_value(mean_bytes) filter (horizon_day = {{ days }}) as used_in_{{ days }}d
        {{- "," if not loop.last }}
        {% endfor %}
    from {{ ref('fct_capacity_forecast_daily') }}
    where horizon_day in (30, 90, 365)
    group by volume

),

scoped as (

    select
        *,
        unnest(['fleet', 'pool']) as scope,
        unnest(['all', split_part(volume, ':', 1)]) as member
    from forecasts
    left join ahead using (volume)

),

final as (

    select
        scope,
        member,
        count(*) as volumes,
        count(*) filter (status = 'full') as full_volumes,
        count(*) filter (status = 'filling') as filling_volumes,
        count(*) filter (status = 'not_filling') as not_filling_volumes,
        count(*) filter (status in ('stale', 'insufficient_history', 'unknown_capacity'))
            as unknown_volumes,
        sum(used_bytes) filter (capacity_bytes is not null) as used_bytes,
        sum(capacity_bytes)::bigint as capacity_bytes,
        sum(used_bytes) filter (capacity_bytes is not null) / nullif(sum(capacity_bytes), 0)
            as used_share,
        sum(growth_bytes_day) as growth_bytes_day,
        sum(used_in_30d) as used_in_30d_bytes,
        sum(used_in_90d) as used_in_90d_bytes,
        sum(used_in_365d) as used_in_365d_bytes,
        arg_min(volume, days_to_full_p10) as first_full_volume,
        min(days_to_full_p10) as days_to_first_full_p10,
        min(days_to_full_p50) as days_to_first_full_p50
    from scoped
    group by all

)

select
    * replace (used_bytes::bigint as used_bytes)
from final
