-- Do jobs wait longer than they may? Where nobody tells how long, it is estimated (int_health_queues).
with {{ judged_signals('queue', ['oldest_wait']) }},

told as (

    select
        'queue' as subject_kind,
        component_id as subject_id,
        status,
        case
            when status = 'ok' then 'info'
            when status = 'breached' and tier = 1 then 'critical'
            else 'warning'
        end as severity,
        value,
        crit as objective,
        unit,
        case
            when status in ('breached', 'approaching') then {{ plus_seconds('measured_at', '-value') }}
            when status = 'unknown' then measured_at
        end as since,
        case when status <> 'unknown' then overdue_at + interval 1 microsecond end as changes_at,
        null as team,
        to_json({ 'queue': component_id, 'tier': tier }) as labels,
        case
            when status = 'unknown' and measured_at is not null
                then 'queue ' || component_id || ': nobody tells of it since '
                    || {{ utc_text('measured_at') }}
            when status = 'unknown' then 'queue ' || component_id || ': nobody tells of it'
            else 'queue ' || component_id || ': the oldest job waits for '
                || {{ human_seconds('value') }} || ', allowed are ' || {{ human_seconds('crit') }}
        end as summary
    from judged

)

select {{ sla_columns('told', 'queue_backlog') }}
