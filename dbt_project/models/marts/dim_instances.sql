with instances as (

    select * from {{ ref('stg_instances') }}

),

final as (

    select
        instance_id,
        db_type,
        cluster_id,
        host,
        environment,
        team,
        tier,
        rpo_s,
        rto_s,
        timezone,
        full_schedule,
        incr_schedule,
        grace_s,
        log_archiving,
        drill_every_s,
        storage_volume,
        network_link,
        protect_from,
        retired_at,
        coalesce(retired_at > {{ cbcr_now() }}, true) as is_active
    from instances

)

select * from final
