-- Will a volume be full soon? Judged by the edge of the band (one chance in ten that it is full
-- earlier), not by the expected day: who waits for that is late every second time.
with volumes as (

    select
        *,
        {{ seconds_between(cbcr_now(), 'full_at_p10') }} as left_s,
        {{ seconds_between(cbcr_now(), 'full_at_p50') }} as expected_s,
        coalesce(
            forecast_status not in ('full', 'filling', 'not_filling')
            or stale_at < {{ cbcr_now() }},
            true
        ) as is_unknown
    from {{ ref('live_storage') }}

),

judged as (

    select
        'volume' as subject_kind,
        volume as subject_id,
        case
            when is_forgotten then 'ok'
            when is_unknown then 'unknown'
            when forecast_status = 'full' or left_s <= 86400 * {{ var('storage_full_soon_days') }}
                then 'breached'
            when left_s <= 86400 * {{ var('storage_full_later_days') }} then 'approaching'
            else 'ok'
        end as status,
        case
            when status = 'ok' then 'info'
            when status = 'breached' and (forecast_status = 'full' or left_s <= 3 * 86400)
                then 'critical'
            else 'warning'
        end as severity,
        case when left_s is not null then greatest(left_s, 0) end as value,
        86400 * {{ var('storage_full_soon_days') }} as objective,
        's' as unit,
        case
            when status = 'breached' and forecast_status <> 'full'
                then full_at_p10 - interval {{ var('storage_full_soon_days') }} day
            when status = 'breached' then last_good_at
        end as since,
        case
            when is_unknown or is_forgotten then null
            else least(
                case status
                    when 'ok' then full_at_p10 - interval {{ var('storage_full_later_days') }} day
                    when 'approaching'
                        then full_at_p10 - interval {{ var('storage_full_soon_days') }} day
                end,
                stale_at + interval 1 microsecond
            )
        end as changes_at,
        team,
        labels,
        case
            when is_forgotten then volume || ' is not sampled any more, and nothing uses it'
            when is_unknown and forecast_status is null then volume || ' is new: it has no forecast yet'
            when is_unknown and forecast_status in ('full', 'filling', 'not_filling')
                then 'nobody knows when ' || volume || ' is full: it was last sampled at '
                    || {{ utc_text('last_good_at') }}
            when is_unknown then 'nobody knows when ' || volume || ' is full: ' || reason
            when forecast_status = 'full' then volume || ' is full'
            when full_at_p10 is null then volume || ' is not full within a year'
            else volume || ' may be full in ' || {{ human_seconds('greatest(left_s, 0)') }} || ' ('
                || {{ utc_text('full_at_p10') }} || ', one chance in ten that it is earlier)'
                || coalesce(
                    ', and is expected to be in ' || {{ human_seconds('greatest(expected_s, 0)') }}, ''
                )
                || '; ' || reason
        end as summary
    from volumes

)

select {{ sla_columns('judged', 'storage_full_soon') }}
