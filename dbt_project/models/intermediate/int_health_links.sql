-- What is measured of a network link. A link that no instance goes over and whose capacity nobody tells
-- is none of ours: hosts have many.
with {{ sampled_things('network', 'link') }},

users as (

    select network_link as link, min(coalesce(tier, 3)) as tier
    from {{ ref('stg_instances') }}
    where
        network_link is not null
        and protect_from <= {{ cbcr_now() }}
        and (retired_at is null or retired_at > {{ cbcr_now() }})
    group by network_link

),

-- Also after days of silence: a link does not cease to be ours by being unseen.
measurable as (

    select link, count(capacity_bytes_s) > 0 as is_width_told
    from {{ ref('fct_network_daily') }}
    where day > {{ cbcr_now() }}::date - 30 and first_sampled_at <= {{ cbcr_now() }}
    group by link

),

carried as (

    select
        link,
        source_id,
        quantile_cont({{ utilisation() }}, 0.95) filter (
            sampled_at > {{ cbcr_now() }} - interval 6 hour
        ) as utilisation,
        quantile_cont(error_rate, 0.95) filter (sampled_at > {{ cbcr_now() }} - interval 6 hour)
            as error_rate,
        coalesce(max(sampled_at) filter (rx_bytes_s + tx_bytes_s > 0), min(sampled_at)) as carried_at
    from recent
    group by all

),

measured as (

    select
        coalesce(seen.link, users.link) as link,
        seen.* exclude (link),
        users.tier,
        carried.utilisation,
        carried.error_rate,
        coalesce(measurable.is_width_told, false) as is_width_told,
        {{ seconds_between('carried.carried_at', 'seen.sampled_at') }} as silent_for
    from seen
    full outer join users using (link)
    left join measurable on seen.link = measurable.link
    left join carried on seen.link = carried.link and seen.source_id = carried.source_id

),

final as (

    select
        'network_link' as kind,
        link as component_id,
        null::varchar as team,
        tier,
        null::varchar as environment,
        [
            {{ health_signal('silent_for', 'silent_for', 'sampled_at', 'coalesce(is_current, false)') }},
            {{ health_signal(
                'utilisation', 'utilisation', 'sampled_at', 'coalesce(is_current, false)',
                overdue_at='overdue_at'
            ) }},
            {{ health_signal(
                'error_rate', 'error_rate', 'sampled_at', 'coalesce(is_current, false)',
                'error_rate is not null'
            ) }}
        ] as signals
    from measured
    where tier is not null or is_width_told

)

select * from final
