-- The fill of each volume for the next 365 days, with the bands that its back-tests give.
with paths as (

    select * from {{ ref('int_capacity_paths') }}

),

bands as (

    select * from {{ ref('int_capacity_bands') }}

),

spreads as (

    select * from {{ ref('int_capacity_spreads') }}

),

most as (

    select volume, max(used_bytes) as most_bytes
    from {{ ref('int_capacity_days') }}
    group by volume

),

scaled as (

    select
        paths.volume,
        paths.origin,
        paths.h,
        paths.method,
        paths.mean_bytes,
        {{ error_scale('paths.mean_bytes', 'most.most_bytes') }}
        * coalesce(spreads.spread, 1)
        * case when paths.method = 'line' then {{ line_spread() }} else 1 end as scale_bytes
    from paths
    inner join most using (volume)
    left join spreads using (volume)

),

final as (

    select
        scaled.volume,
        scaled.h as horizon_day,
        date '1970-01-01' + (scaled.origin + scaled.h)::integer as day,
        scaled.method,
        scaled.mean_bytes
        {%- for name in band_quantiles() %},
        {% if name.startswith('lo') -%}
            greatest(scaled.mean_bytes + least(bands.{{ name }}, 0) * scaled.scale_bytes, 0)
        {%- else -%}
            scaled.mean_bytes + greatest(bands.{{ name }}, 0) * scaled.scale_bytes
        {%- endif %} as {{ name }}_bytes
        {%- endfor %}
    from scaled
    inner join bands on scaled.h = bands.day_h

)

select * from final
