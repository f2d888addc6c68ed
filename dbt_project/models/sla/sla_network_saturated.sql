-- Is a link full? By the 95th percentile of its busier direction over six hours.
with {{ judged_signals('network_link', ['utilisation']) }},

told as (

    select
        'network_link' as subject_kind,
        component_id as subject_id,
        status,
        case when status = 'ok' then 'info' else 'warning' end as severity,
        value,
        crit as objective,
        unit,
        case when status = 'unknown' then measured_at end as since,
        case when status <> 'unknown' then overdue_at + interval 1 microsecond end as changes_at,
        null as team,
        to_json({ 'link': component_id, 'tier': tier }) as labels,
        case
            when status = 'unknown' and measured_at is null
                then 'link ' || component_id || ': the inventory names it, nobody measures it'
            when status = 'unknown' and value is null
                then 'link ' || component_id
                    || ': its capacity is not known, so nobody can say how full it is'
            when status = 'unknown'
                then 'link ' || component_id || ': nobody tells of it since '
                    || {{ utc_text('measured_at') }}
            else 'link ' || component_id || ' was ' || round(100 * value)::integer
                || ' % full at its busiest in six hours, from ' || round(100 * crit)::integer
                || ' % on it is saturated'
        end as summary
    from judged

)

select {{ sla_columns('told', 'network_saturated') }}
