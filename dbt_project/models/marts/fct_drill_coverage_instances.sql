-- Each instance with its newest proof; int_drill_status owns the definitions.
with drills as (

    select * from {{ ref('int_drill_status') }}

),

final as (

    select
        instance_id,
        team,
        tier,
        environment,
        db_type,
        drill_every_s,
        n_restores,
        n_proven,
        last_proven_at,
        last_failed_at,
        age_s,
        due_at,
        drill_state,
        {{ cbcr_now() }} as counted_at
    from drills

)

select * from final
