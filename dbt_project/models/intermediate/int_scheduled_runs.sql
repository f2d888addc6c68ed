-- What became of each run that the schedule asked for.
with answers as (

    select
        *,
        -- The first attempt that counts decides: somebody who cancels has not failed.
        row_number() over (
            partition by instance_id, backup_type, scheduled_at
            order by state = 'cancelled', started_at
        ) as try
    from {{ ref('int_run_attempts') }}

),

runs as (

    select
        instance_id,
        backup_type,
        scheduled_at,
        any_value(due_at) as due_at,
        min(started_at) as first_attempt_at,
        max(state) filter (try = 1) as first_state,
        coalesce(bool_or({{ is_success('state') }}), false) as has_success,
        coalesce(bool_or(not {{ is_finished('state') }}), false) as is_running,
        coalesce(bool_and(state = 'cancelled'), false) as is_cancelled
    from answers
    group by all

),

final as (

    select
        runs.*,
        case
            when runs.first_attempt_at <= runs.due_at then
                case
                    when {{ is_success('runs.first_state') }} then 'first_try'
                    when runs.has_success then 'eventual'
                    when runs.is_running then 'running'
                    when runs.is_cancelled then 'cancelled'
                    else 'failed'
                end
            when runs.due_at >= {{ cbcr_now() }} then 'waiting'
            -- A late start answers later; the promise of this moment was missed all the same.
            when runs.first_attempt_at is not null then 'missed'
            -- No reading since it was due: blind. A source that is fresh without one speaks only
            -- when something happens, so its silence becomes an answer after an hour.
            when coalesce(seen.last_ok_at < runs.due_at, true)
                and (
                    coalesce(seen.sources_stale, true)
                    or runs.due_at + interval 1 hour >= {{ cbcr_now() }}
                )
                then 'unknown'
            else 'missed'
        end as outcome
    from runs
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

)

select * from final
