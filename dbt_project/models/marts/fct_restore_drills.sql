-- From the request to proven data. A restore that nobody verified proves nothing, so it has no RTO.
with restores as (

    select * from {{ ref('int_restores') }}

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
        ended_at,
        queued_s,
        restore_s,
        recovery_s,
        verify_s,
        unattributed_s,
        rto_s,
        at_least_s,
        objective_s,
        outcome,
        meets_rto,
        state,
        verification,
        bytes,
        error_code,
        error_text
    from restores

)

select * from final
