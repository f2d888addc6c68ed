with instances as (

    select * from {{ ref('live_rpo_status') }}

),

judged as (

    select
        'instance' as subject_kind,
        instance_id as subject_id,
        status,
        case when status = 'breached' then 'critical' when status = 'ok' then 'info' else 'warning' end
            as severity,
        exposure_s as value,
        objective_s as objective,
        's' as unit,
        since,
        changes_at,
        team,
        {{ instance_labels(volume='storage_volume') }} as labels,
        case
            when reason = 'no_source'
                then instance_id || ': no source speaks of it, so we cannot see its backups'
            when reason = 'source_stale'
                then instance_id || ': all its sources are stale since ' || {{ utc_text('since') }}
                    || ', so we cannot see its backups'
            when reason = 'no_objective'
                then instance_id || ': no recovery point objective was promised, so nothing is kept'
            when reason = 'onboarding'
                then instance_id || ': no backup yet, due by '
                    || {{ utc_text(plus_seconds('protect_from', 'objective_s')) }}
            when reason = 'never_backed_up'
                then instance_id || ' was never backed up; it is protected since '
                    || {{ utc_text('protect_from') }}
            when recovery_point_at is null
                then instance_id || ' has no usable backup left: the last one was '
                    || replace(reason, 'parent_', 'its base was ') || ' at ' || {{ utc_text('since') }}
            else instance_id || ' would lose ' || {{ human_seconds('greatest(exposure_s, 0)') }}
                || ' of data, the objective is ' || {{ human_seconds('objective_s') }}
                || '; its newest recovery point is ' || {{ utc_text('recovery_point_at') }}
                || ' (' || label || ')'
        end as summary
    from instances

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'rpo') }}
