-- The newest run that was due never started, and nothing as strong succeeded since.
with runs as (

    select * from {{ ref('int_runs_recent') }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where
        (retired_at is null or retired_at > {{ cbcr_now() }})
        and (full_schedule is not null or incr_schedule is not null)

),

newest as (

    select *
    from runs
    where outcome <> 'waiting'
    qualify
        row_number() over (partition by instance_id, backup_type order by scheduled_at desc) = 1

),

open_runs as (

    select *
    from newest
    where
        outcome in ('missed', 'unknown')
        and not has_success

),

worst as (

    select
        instance_id,
        count(*) filter (outcome = 'missed') as missed,
        -- Without a reading since it was due: silence becomes an answer, or blindness.
        min(due_at + interval 1 hour) filter (outcome = 'unknown') as settles_at,
        min(due_at) as oldest_due_at,
        min(due_at) filter (outcome = 'missed') as since,
        min(due_at) as unknown_since,
        arg_min(backup_type, scheduled_at) as backup_type,
        min(scheduled_at) as scheduled_at
    from open_runs
    group by instance_id

),

upcoming as (

    select instance_id, min(due_at) as due_at
    from {{ ref('stg_scheduled_runs') }}
    where due_at >= {{ cbcr_now() }}
    group by instance_id

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case
            when worst.instance_id is null then 'ok'
            when worst.missed > 0 then 'breached'
            else 'unknown'
        end as status,
        case
            when worst.instance_id is null then 'info'
            when worst.missed > 0 and instances.tier = 1 then 'critical'
            else 'warning'
        end as severity,
        coalesce(worst.missed, 0) as value,
        0 as objective,
        'runs' as unit,
        coalesce(worst.since, worst.unknown_since) as since,
        -- What has passed already changes nothing any more, and least() ignores null.
        least(
            upcoming.due_at,
            case when worst.settles_at >= {{ cbcr_now() }} then worst.settles_at end,
            case
                when seen.last_ok_at < worst.oldest_due_at and seen.stale_at >= {{ cbcr_now() }}
                    then seen.stale_at
            end
        ) + interval 1 microsecond as changes_at,
        instances.team,
        {{ instance_labels() }} as labels,
        case
            when worst.instance_id is null
                then instances.instance_id || ': every scheduled backup that was due has started'
            when worst.missed > 0
                then instances.instance_id || ': the ' || worst.backup_type || ' backup scheduled for '
                    || {{ utc_text('worst.scheduled_at') }} || ' has not started'
            else instances.instance_id || ': we cannot see whether the ' || worst.backup_type
                || ' backup scheduled for ' || {{ utc_text('worst.scheduled_at') }} || ' has started'
        end as summary
    from instances
    left join worst using (instance_id)
    left join upcoming using (instance_id)
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 'runs' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'backup_missed') }}
