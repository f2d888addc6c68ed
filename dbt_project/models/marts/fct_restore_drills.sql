-- From the request to proven data. A restore that nobody verified proves nothing, so it has no RTO.
with restores as (

    select * from {{ ref('stg_restore_jobs') }}

),

instances as (

    select instance_id, rto_s from {{ ref('stg_instances') }}

),

measured as (

    select
        restores.*,
        instances.rto_s as objective_s,
        case
            when restores.verification = 'passed'
                then {{ seconds_between('restores.requested_at', 'restores.verified_at') }}
        end as rto_s
    from restores
    left join instances using (instance_id)

),

final as (

    select
        source_id,
        restore_key,
        instance_id,
        purpose,
        source_label,
        target_at,
        recovered_to_at,
        requested_at,
        started_at,
        restored_at,
        recovered_at,
        verified_at,
        {{ seconds_between('started_at', 'restored_at') }} as restore_s,
        {{ seconds_between('restored_at', 'recovered_at') }} as recovery_s,
        {{ seconds_between('recovered_at', 'verified_at') }} as verify_s,
        rto_s,
        objective_s,
        case
            when state in ('failed', 'lost') or verification = 'failed' then false
            else rto_s <= objective_s
        end as meets_rto,
        state,
        verification,
        bytes,
        error_code,
        error_text
    from measured

)

select * from final
