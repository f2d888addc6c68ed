-- Every restore as it was known at cbcr_now(): what was heard or happened later is left out, a
-- restore that ended later still runs. Contradictory stamps are told as such, never measured.
with heard as (

    select
        *,
        greatest(requested_at, started_at, restored_at, recovered_at, verified_at) as last_stamp_at
    from {{ ref('stg_restore_jobs') }}
    where
        coalesce(first_seen_at <= {{ cbcr_now() }}, true)
        and coalesce(
            least(requested_at, started_at, restored_at, recovered_at, verified_at)
            <= {{ cbcr_now() }},
            true
        )

),

instances as (

    select
        instance_id,
        db_type,
        storage_volume,
        -- A promise of zero seconds is no promise: nothing could keep it.
        case when rto_s > 0 then rto_s end as objective_s
    from {{ ref('stg_instances') }}

),

known as (

    select
        heard.* exclude (
            requested_at, started_at, restored_at, recovered_at, verified_at, verification
        ),
        {{ is_finished('heard.state') }}
        and coalesce(heard.last_stamp_at <= {{ cbcr_now() }}, true) as is_over,
        case when heard.requested_at <= {{ cbcr_now() }} then heard.requested_at end
            as requested_at,
        case when heard.started_at <= {{ cbcr_now() }} then heard.started_at end as started_at,
        case when heard.restored_at <= {{ cbcr_now() }} then heard.restored_at end as restored_at,
        case when heard.recovered_at <= {{ cbcr_now() }} then heard.recovered_at end
            as recovered_at,
        case when heard.verified_at <= {{ cbcr_now() }} then heard.verified_at end as verified_at,
        coalesce(heard.verification, 'none') as verification,
        coalesce(instances.db_type, 'unknown') as db_type,
        coalesce(instances.storage_volume, 'unknown') as pool,
        instances.objective_s
    from heard
    left join instances using (instance_id)

),

stamped as (

    select
        *,
        coalesce(requested_at, started_at, restored_at, recovered_at, verified_at, first_seen_at)
            as begun_at,
        coalesce(started_at < requested_at, false)
        or coalesce(restored_at < greatest(requested_at, started_at), false)
        or coalesce(recovered_at < greatest(requested_at, started_at, restored_at), false)
        or coalesce(
            verified_at < greatest(requested_at, started_at, restored_at, recovered_at), false
        )
        -- A timer that says zero is broken.
        or coalesce(verified_at <= requested_at, false) as is_contradictory
    from known

),

timed as (

    select
        *,
        case
            when not is_over
                then {{ plus_seconds('begun_at', 'greatest(3 * coalesce(objective_s, 0), 86400)') }}
        end as lost_at
    from stamped

),

ended as (

    select
        * exclude (state, verification),
        case
            when is_over then state
            when lost_at <= {{ cbcr_now() }} then 'lost'
            when state = 'queued' then 'queued'
            else 'running'
        end as state,
        case when is_over then verification else 'none' end as verification,
        case
            when is_over
                then coalesce(
                    greatest(requested_at, started_at, restored_at, recovered_at, verified_at),
                    first_seen_at
                )
            when lost_at <= {{ cbcr_now() }} then lost_at
        end as ended_at
    from timed

),

judged as (

    select
        *,
        case
            when state in ('queued', 'running') then 'running'
            when state = 'cancelled' then 'cancelled'
            when state in ('failed', 'lost') or verification = 'failed' then 'failed'
            when verification <> 'passed' then 'unproven'
            when is_contradictory then 'contradictory'
            when requested_at is null or verified_at is null then 'untimed'
            else 'proven'
        end as outcome,
        {{ phase_s('requested_at', 'started_at') }} as queued_s,
        {{ phase_s('started_at', 'restored_at') }} as restore_s,
        {{ phase_s('restored_at', 'recovered_at') }} as recovery_s,
        {{ phase_s('coalesce(recovered_at, restored_at)', 'verified_at') }} as verify_s
    from ended

),

measured as (

    select
        *,
        case when outcome = 'proven' then {{ seconds_between('requested_at', 'verified_at') }} end
            as rto_s,
        case
            when outcome = 'running' then {{ seconds_between('requested_at', cbcr_now()) }}
            when outcome = 'unproven' and not is_contradictory
                then {{ seconds_between('requested_at', 'ended_at') }}
        end as at_least_s
    from judged

),

final as (

    select
        * exclude (is_over, is_contradictory, last_stamp_at),
        rto_s - coalesce(queued_s, 0) - coalesce(restore_s, 0) - coalesce(recovery_s, 0)
        - coalesce(verify_s, 0) as unattributed_s,
        case
            when outcome = 'failed' then false
            when outcome = 'proven' then rto_s <= objective_s
            when at_least_s > objective_s then false
        end as meets_rto
    from measured

)

select * from final
