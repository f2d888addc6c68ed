-- Each volume as its newest sample shows it, beside its forecast of the last build: what the rules of
-- storage read. Volumes that are new since then are there, too.
with samples as (

    select * from {{ ref('stg_storage_samples') }}
    where
        sampled_at > {{ cbcr_now() }} - interval {{ storage_stale_days() }} day
        and sampled_at <= {{ cbcr_now() }}
        and used_bytes is not null

),

forecasts as (

    select * from {{ ref('fct_capacity_forecast') }}

),

believed as (

    select samples.* from samples
    left join forecasts using (volume)
    where not {{ is_other_unit('samples.size_bytes', 'forecasts.size_bytes') }}

),

newest as (

    select
        volume,
        max(sampled_at) as sampled_at,
        arg_max(used_bytes, sampled_at) as used_bytes,
        arg_max(avail_bytes, sampled_at) as avail_bytes,
        arg_max(size_bytes, sampled_at) as size_bytes
    from believed
    group by volume

),

merged as (

    select
        volume,
        coalesce(newest.sampled_at, forecasts.last_good_at) as last_good_at,
        coalesce(newest.used_bytes, forecasts.used_bytes) as used_bytes,
        case
            when newest.volume is null then forecasts.capacity_bytes
            else nullif(coalesce(newest.used_bytes + newest.avail_bytes, newest.size_bytes), 0)
        end as capacity_bytes,
        coalesce(forecasts.n_instances, 0) as n_instances,
        forecasts.team,
        forecasts.status as forecast_status,
        forecasts.method,
        forecasts.reason,
        forecasts.full_at_p10,
        forecasts.full_at_p50,
        forecasts.forecast_at
    from newest
    full join forecasts using (volume)

),

final as (

    select
        *,
        used_bytes / capacity_bytes as used_share,
        {{ storage_stale_at('last_good_at') }} as stale_at,
        coalesce(
            n_instances = 0
            and last_good_at < {{ cbcr_now() }} - interval {{ volume_forgotten_days() }} day,
            false
        ) as is_forgotten,
        to_json({ 'volume': volume, 'method': method }) as labels
    from merged

)

select * from final
