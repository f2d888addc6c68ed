-- What is measured of a storage volume. One that the inventory names and nobody measures is unknown.
with {{ sampled_things('storage', 'volume') }},

users as (

    select storage_volume as volume, min(coalesce(tier, 3)) as tier
    from {{ ref('stg_instances') }}
    where
        storage_volume is not null
        and protect_from <= {{ cbcr_now() }}
        and (retired_at is null or retired_at > {{ cbcr_now() }})
    group by storage_volume

),

newest as (

    select
        volume,
        source_id,
        arg_max(used_bytes, sampled_at) as used_bytes,
        arg_max(avail_bytes, sampled_at) as avail_bytes,
        arg_max(size_bytes, sampled_at) as size_bytes
    from recent
    group by all

),

-- The near edge of the forecast, not its middle; what is not full within its horizon has no day.
forecasts as (

    select
        volume,
        forecast_at,
        case
            when status = 'full' then 0
            when status in ('filling', 'not_filling') and full_at_p10 is null then 3650
            when status in ('filling', 'not_filling')
                then greatest({{ seconds_between(cbcr_now(), 'full_at_p10') }} / 86400, 0)
        end as days_to_full
    from {{ ref('fct_capacity_forecast') }}

),

-- As df has it: what is reserved for root is neither used nor available.
measured as (

    select
        coalesce(seen.volume, users.volume) as volume,
        seen.* exclude (volume),
        users.tier,
        forecasts.forecast_at,
        forecasts.days_to_full,
        coalesce(
            newest.used_bytes / nullif(newest.used_bytes + newest.avail_bytes, 0),
            1 - newest.avail_bytes / nullif(newest.size_bytes, 0)
        ) as used_share
    from seen
    full outer join users using (volume)
    left join forecasts on coalesce(seen.volume, users.volume) = forecasts.volume
    left join newest on seen.volume = newest.volume and seen.source_id = newest.source_id

),

final as (

    select
        'storage_volume' as kind,
        volume as component_id,
        null::varchar as team,
        tier,
        null::varchar as environment,
        [
            {{ health_signal('used_share', 'used_share', 'sampled_at', 'coalesce(is_current, false)') }},
            {{ health_signal(
                'days_to_full', 'days_to_full', 'forecast_at',
                'forecast_at > ' ~ cbcr_now() ~ ' - interval 3 day'
            ) }}
        ] as signals
    from measured

)

select * from final
