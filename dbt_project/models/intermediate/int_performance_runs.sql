-- How backups and restores went, one row an outcome of a run, over the whole days that are compared
-- with what components measured. `y` is what moves, `size` the logarithm of what it moved.
with attempts as (

    select * from {{ ref('fct_backup_attempts') }}
    where
        started_at >= date_trunc('day', {{ cbcr_now() }}) - to_days({{ var('correlation_days') }})
        and started_at < date_trunc('day', {{ cbcr_now() }})
        and instance_id is not null
        and is_finished
        and state <> 'cancelled'

),

restores as (

    select * from {{ ref('fct_restore_drills') }}
    where
        started_at >= date_trunc('day', {{ cbcr_now() }}) - to_days({{ var('correlation_days') }})
        and started_at < date_trunc('day', {{ cbcr_now() }})

),

sized as (

    select
        *,
        {{ log_of('coalesce(transferred_bytes, source_bytes)') }} as size,
        {{ log_of('duration_s') }} as log_s
    from attempts

),

runs as (

    select instance_id, backup_type as kind_of_run, started_at, size, 'backup_duration' as outcome,
        log_s as y
    from sized
    where is_success and log_s is not null
    union all
    select instance_id, backup_type, started_at, null, 'backup_throughput', size - log_s
    from sized
    where is_success and log_s is not null and size is not null
    union all
    select instance_id, backup_type, started_at, null, 'backup_failure',
        case when is_success then 0 else 1 end
    from sized
    union all
    select instance_id, purpose, started_at, {{ log_of('bytes') }}, 'restore_duration',
        {{ log_of('restore_s') }}
    from restores
    where restore_s > 0

),

final as (

    select
        instance_id,
        coalesce(kind_of_run, '') as kind_of_run,
        outcome,
        started_at::date as day,
        date_trunc('hour', started_at) as hour,
        y,
        size
    from runs

)

select * from final
