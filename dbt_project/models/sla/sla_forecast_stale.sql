-- Does the forecast of a volume still rest on what is measured? Its newest sample, and its newest
-- forecast, may be two days old.
with volumes as (

    select
        *,
        least(last_good_at, coalesce(forecast_at, last_good_at)) as newest_at,
        {{ storage_stale_at('newest_at') }} as ends_at,
        {{ seconds_between('newest_at', cbcr_now()) }} as age_s
    from {{ ref('live_storage') }}

),

judged as (

    select
        'volume' as subject_kind,
        volume as subject_id,
        case
            when is_forgotten then 'ok'
            when last_good_at is null then 'unknown'
            when ends_at < {{ cbcr_now() }} then 'breached'
            else 'ok'
        end as status,
        case status when 'ok' then 'info' else 'warning' end as severity,
        age_s as value,
        86400 * {{ storage_stale_days() }} as objective,
        's' as unit,
        case when status = 'breached' then ends_at end as since,
        case
            when status = 'ok' and not is_forgotten then ends_at + interval 1 microsecond
        end as changes_at,
        team,
        labels,
        case
            when is_forgotten then volume || ' is not sampled any more, and nothing uses it'
            when last_good_at is null
                then 'the inventory names ' || volume || ', but no source samples it'
            when ends_at >= {{ cbcr_now() }}
                then volume || ' was sampled at ' || {{ utc_text('last_good_at') }}
            when newest_at < last_good_at
                then 'the forecast of ' || volume || ' is of ' || {{ utc_text('forecast_at') }}
                    || ': the models are not built any more'
            else volume || ' was last sampled at ' || {{ utc_text('last_good_at') }}
                || ': its forecast ends there'
        end as summary
    from volumes

)

select {{ sla_columns('judged', 'forecast_stale') }}
