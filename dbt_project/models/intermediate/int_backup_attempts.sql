-- An attempt that runs far longer than its kind ever took, and never says it ended, is lost.
with attempts as (

    select * from {{ ref('stg_backup_jobs') }}
    where coalesce(started_at, scheduled_at, first_seen_at) <= {{ cbcr_now() }}

),

instances as (

    select * from {{ ref('stg_instances') }}

),

usual as (

    select
        native_instance,
        source_id,
        backup_type,
        quantile_cont(
            coalesce(duration_s, {{ seconds_between('started_at', 'finished_at') }}), 0.95
        ) as p95_s
    from attempts
    where {{ is_success('state') }} and finished_at <= {{ cbcr_now() }}
    group by all

),

judged as (

    select
        attempts.*,
        case
            when attempts.finished_at > {{ cbcr_now() }} then 'running' else attempts.state
        end as state_then,
        {{ plus_seconds(
            'coalesce(attempts.started_at, attempts.first_seen_at)',
            'greatest(3 * coalesce(usual.p95_s, 0), coalesce(instances.grace_s, 3600), 3600)'
        ) }} as lost_at
    from attempts
    left join usual using (native_instance, source_id, backup_type)
    left join instances on attempts.instance_id = instances.instance_id

),

final as (

    select
        * exclude (state, state_then, lost_at),
        case
            when state_then in ('queued', 'running') and lost_at <= {{ cbcr_now() }} then 'lost'
            else state_then
        end as state,
        case when state_then in ('queued', 'running') then lost_at end as lost_at
    from judged

)

select * from final
