with sources as (

    select * from {{ ref('live_sources') }}

),

retired as (

    select * from {{ ref('stg_sources') }}
    where retired_at > {{ cbcr_now() }} - interval 7 day

),

judged as (

    select
        'source' as subject_kind,
        source_id as subject_id,
        status,
        case status when 'breached' then 'critical' when 'ok' then 'info' else 'warning' end
            as severity,
        age_s as value,
        stale_after_s as objective,
        's' as unit,
        case when status <> 'ok' then stale_at end as since,
        case when status <> 'breached' then stale_at + interval 1 microsecond end as changes_at,
        null as team,
        to_json({ 'source': source_id, 'tool': tool }) as labels,
        case
            when status = 'ok'
                then 'source ' || source_id || ' answered at ' || {{ utc_text('last_ok_at') }}
            when last_ok_at is null
                then 'source ' || source_id || ' (' || tool || ') never gave a good answer'
                    || coalesce(': ' || last_error, '')
            else 'source ' || source_id || ' (' || tool || ') is silent since '
                || {{ utc_text('last_ok_at') }} || ', allowed are '
                || {{ human_seconds('stale_after_s') }} || coalesce('; last error: ' || last_error, '')
        end as summary
    from sources

),

gone as (

    select
        'source' as subject_kind,
        source_id as subject_id,
        'ok' as status,
        'info' as severity,
        's' as unit,
        retired_at as since,
        to_json({ 'source': source_id, 'tool': tool }) as labels,
        'source ' || source_id || ' is no longer configured' as summary
    from retired

),

final as (

    select * from judged
    union all by name
    select * from gone

)

select {{ sla_columns('final', 'source_stale') }}
