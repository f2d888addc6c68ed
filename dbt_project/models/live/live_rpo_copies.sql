-- What would be lost now if only one copy were left: exposure by instance and repository.
with points as (

    select * from {{ ref('live_recovery_points') }}
    where is_usable_now

),

instances as (

    select * from {{ ref('stg_instances') }}
    where
        protect_from <= {{ cbcr_now() }}
        and (retired_at is null or retired_at > {{ cbcr_now() }})

),

copies as (

    select
        instance_id,
        source_id,
        repo,
        max(recovery_point_at) as recovery_point_at,
        arg_max(label, recovery_point_at) as label,
        arg_max(usable_until, recovery_point_at) as usable_until
    from points
    group by all

),

final as (

    select
        copies.instance_id,
        copies.source_id,
        copies.repo,
        copies.label,
        copies.recovery_point_at,
        copies.usable_until,
        {{ seconds_between('copies.recovery_point_at', cbcr_now()) }} as exposure_s,
        instances.rpo_s as objective_s,
        {{ seconds_between('copies.recovery_point_at', cbcr_now()) }} <= instances.rpo_s
            as keeps_objective,
        rank() over (
            partition by copies.instance_id order by copies.recovery_point_at desc
        ) = 1 as is_best
    from copies
    inner join instances using (instance_id)

)

select * from final
