-- Are there workers to run backups? By the age of their sign of life, and by how many there usually are.
with {{ judged_signals('worker_pool', ['heartbeat_age', 'workers_present']) }},

told as (

    select
        'worker_pool' as subject_kind,
        component_id as subject_id,
        status,
        case status when 'ok' then 'info' when 'breached' then 'critical' else 'warning' end as severity,
        value,
        crit as objective,
        unit,
        case
            when status in ('breached', 'approaching') and signal = 'heartbeat_age'
                then {{ plus_seconds('measured_at', '-value') }}
            when status <> 'ok' then measured_at
        end as since,
        -- What is not looked at any more begins to age; what ages already comes to its limit by itself.
        case
            when overdue_at is not null then overdue_at + interval 1 microsecond
            when signal = 'heartbeat_age' and status in ('ok', 'approaching') and crit > value
                then {{ plus_seconds(cbcr_now(), 'crit - value') }}
        end as changes_at,
        null as team,
        to_json({ 'pool': component_id, 'tier': tier }) as labels,
        case
            when status = 'ok' then 'worker pool ' || component_id || ' is alive'
            when status = 'unknown' and measured_at is not null
                then 'worker pool ' || component_id || ': nobody tells of it since '
                    || {{ utc_text('measured_at') }} || ', so we do not know whether it works'
            when status = 'unknown'
                then 'worker pool ' || component_id || ': it never showed a sign of life'
            when signal = 'heartbeat_age'
                then 'worker pool ' || component_id || ' shows no sign of life since '
                    || {{ human_seconds('value') }} || '; its backups do not start'
            else 'worker pool ' || component_id || ' has ' || round(100 * value)::integer
                || ' % of the workers that it had in the week before'
        end as summary
    from judged

)

select {{ sla_columns('told', 'worker_down') }}
