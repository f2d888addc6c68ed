-- What was forecast of each volume, and what came.
with errors as (

    select * from {{ ref('int_capacity_errors') }}

),

bands as (

    select *, day_h as h from {{ ref('int_capacity_bands') }}

),

spreads as (

    select * from {{ ref('int_capacity_spreads') }}

),

scaled as (

    select
        errors.* replace (scale_bytes * spreads.spread as scale_bytes)
    from errors
    inner join spreads using (volume, kind, origin)

),

final as (

    select
        volume,
        date '1970-01-01' + origin::integer as forecast_on,
        h as horizon_day,
        method,
        mean_bytes as forecast_bytes,
        actual_bytes,
        actual_bytes - mean_bytes as error_bytes,
        error_share,
        actual_bytes between {{ band_edge('lo80') }} and {{ band_edge('hi80') }} as within_80,
        actual_bytes between {{ band_edge('lo95') }} and {{ band_edge('hi95') }} as within_95
    from scaled
    inner join bands using (kind, h)

)

select * from final
