-- What was forecast of each volume, and what came.
with errors as (

    select * from {{ ref('int_capacity_errors') }}

),

bands as (

    select * from {{ ref('int_capacity_bands') }}

),

spreads as (

    select * from {{ ref('int_capacity_spreads') }}

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
        error_share / spread between least(bands.lo80, 0) and greatest(bands.hi80, 0) as within_80,
        error_share / spread between least(bands.lo95, 0) and greatest(bands.hi95, 0) as within_95
    from errors
    inner join bands on errors.h = bands.day_h
    inner join spreads using (volume)

)

select * from final
