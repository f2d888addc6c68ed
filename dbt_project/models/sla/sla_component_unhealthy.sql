-- Which components are critical, or so little known that nobody can say? What is degraded or poor has
-- its own rules; here the sum is judged, and what no rule of its own looks at.
with components as (

    select * from {{ ref('live_component_health') }}

),

instances as (

    -- The kind is part of the key: as a condition on one side it costs as much as all of health.
    select 'instance' as kind, instance_id as component_id, db_type, storage_volume
    from {{ ref('stg_instances') }}

),

labelled as (

    select
        components.*,
        instances.db_type,
        coalesce(
            instances.storage_volume,
            case when components.kind = 'storage_volume' then components.component_id end
        ) as volume,
        case components.kind
            when 'instance' then 'instance ' when 'worker_pool' then 'worker pool '
            when 'storage_volume' then 'volume ' when 'network_link' then 'link '
            when 'cbcr' then '' else components.kind || ' '
        end || components.component_id as called
    from components
    left join instances using (kind, component_id)

),

judged as (

    select
        kind as subject_kind,
        case when kind = 'instance' then component_id else kind || '/' || component_id end as subject_id,
        case state when 'critical' then 'breached' when 'unknown' then 'unknown' else 'ok' end as status,
        case
            when state = 'critical' and tier = 1 then 'critical'
            when state in ('critical', 'unknown') then 'warning'
            else 'info'
        end as severity,
        score as value,
        40 as objective,
        'points' as unit,
        null as since,
        null as changes_at,
        team,
        to_json({
            'kind': kind, 'component': component_id, 'tier': tier, 'environment': environment,
            'db_type': db_type, 'volume': volume, 'signal': main_signal,
            'instance': case when kind = 'instance' then component_id end,
            'source': case when kind = 'source' then component_id end,
            'pool': case when kind = 'worker_pool' then component_id end,
            'queue': case when kind = 'queue' then component_id end,
            'link': case when kind = 'network_link' then component_id end
        }) as labels,
        case state
            when 'unknown'
                then called || ': its health is not known ('
                    || coalesce(main_reason, 'nothing is measured') || '); '
                    || coalesce(action, 'see what should measure it')
            when 'critical'
                then called || ' has ' || round(score)::integer || ' of 100 points: ' || main_reason
                    || '; ' || action
            else called || ' has ' || round(score)::integer || ' of 100 points'
        end as summary
    from labelled

),

final as (

    select * from judged
    union all by name
    select *, 'points' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'component_unhealthy') }}
