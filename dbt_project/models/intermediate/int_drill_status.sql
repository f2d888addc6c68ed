-- When was it last proven that an instance can be restored, and when must it be proven again?
with restores as (

    select * from {{ ref('int_restores') }}
    where instance_id is not null

),

proofs as (

    select
        instance_id,
        count(*) as n_restores,
        count(*) filter (outcome in ('proven', 'untimed')) as n_proven,
        max(ended_at) filter (outcome in ('proven', 'untimed')) as last_proven_at,
        max(ended_at) filter (outcome = 'failed' and purpose in ('drill', 'real'))
            as last_failed_at
    from restores
    group by instance_id

),

instances as (

    select
        instance_id,
        team,
        tier,
        environment,
        db_type,
        protect_from,
        retired_at,
        case when drill_every_s > 0 then drill_every_s end as drill_every_s
    from {{ ref('stg_instances') }}
    where
        coalesce(protect_from <= {{ cbcr_now() }}, true)
        and (retired_at is null or retired_at > {{ cbcr_now() }})

),

dated as (

    select
        instances.*,
        coalesce(proofs.n_restores, 0) as n_restores,
        coalesce(proofs.n_proven, 0) as n_proven,
        proofs.last_proven_at,
        proofs.last_failed_at,
        {{ seconds_between('proofs.last_proven_at', cbcr_now()) }} as age_s,
        {{ plus_seconds(
            'coalesce(proofs.last_proven_at, instances.protect_from)', 'instances.drill_every_s'
        ) }} as due_at
    from instances
    left join proofs using (instance_id)

),

final as (

    select
        *,
        case
            when drill_every_s is null then 'not_promised'
            when due_at is null then 'unknown'
            when due_at < {{ cbcr_now() }} then 'overdue'
            when last_proven_at is null then 'waiting'
            else 'current'
        end as drill_state
    from dated

)

select * from final
