-- The fill of each volume for the next 365 days, with the bands that its back-tests give.
with paths as (

    select * from {{ ref('int_capacity_paths') }}

),

bands as (

    select *, day_h as h from {{ ref('int_capacity_bands') }}

),

spreads as (

    select * from {{ ref('int_capacity_spreads') }}
    where origin is null

),

most as (

    select volume, max(used_bytes) as most_bytes
    from {{ ref('int_capacity_days') }}
    group by volume

),

known as (

    select
        paths.volume,
        paths.origin,
        paths.h,
        paths.method,
        most.most_bytes,
        paces.level_bytes,
        paces.pace_bytes,
        {{ band_kind() }} as kind,
        -- What never fell is not expected below what is used.
        greatest(paths.mean_bytes, case when kind = 'rising' then level_bytes else 0 end) as mean_bytes
    from paths
    inner join most using (volume)
    left join {{ ref('int_capacity_paces') }} as paces using (volume, origin)

),

scaled as (

    select
        known.*,
        {{ band_center() }} as center_bytes,
        {{ band_scale() }}
        * coalesce(spreads.spread, 1)
        * case when known.method = 'line' then {{ line_spread() }} else 1 end as scale_bytes
    from known
    left join spreads using (volume, kind)

),

final as (

    select
        volume,
        h as horizon_day,
        date '1970-01-01' + (origin + h)::integer as day,
        method,
        mean_bytes
        {%- for name in ['lo95', 'lo80', 'hi80', 'hi95', 'p10', 'p90'] %},
        {{ band_edge(name) }} as {{ name }}_bytes
        {%- endfor %}
    from scaled
    inner join bands using (kind, h)

)

select * from final
