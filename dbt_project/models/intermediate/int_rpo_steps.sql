-- The life of each instance cut wherever something changes; in each piece the newest usable
-- recovery point is one and the same, so exposure grows with the clock and nothing else.
{{ config(materialized='table') }}

with instances as (

    select
        instance_id,
        rpo_s,
        protect_from,
        retired_at,
        exclusions,
        least(coalesce(retired_at, {{ cbcr_now() }}), {{ cbcr_now() }}) as ends_at
    from {{ ref('stg_instances') }}
    where protect_from < {{ cbcr_now() }}

),

points as (

    select
        instance_id,
        recovery_point_at,
        usable_from,
        coalesce(usable_until, timestamp '9999-01-01') as usable_until
    from {{ ref('int_recovery_points') }}
    where was_ever_usable

),

windows as (

    select instance_id, unnest(exclusions) as e from instances

),

onboarding as (

    select
        instances.instance_id,
        least(
            {{ plus_seconds('instances.protect_from', 'instances.rpo_s') }},
            coalesce(min(points.usable_from), timestamp '9999-01-01')
        ) as grace_until
    from instances
    left join points using (instance_id)
    group by instances.instance_id, instances.protect_from, instances.rpo_s

),

moments as (

    select instance_id, protect_from as at from instances
    union
    select instance_id, ends_at from instances
    union
    select instance_id, usable_from from points
    union
    select instance_id, usable_until from points
    union
    select instance_id, e.start from windows
    union
    select instance_id, e.stop from windows
    union
    select instance_id, grace_until from onboarding

),

pieces as (

    select
        moments.instance_id,
        moments.at as started_at,
        lead(moments.at) over (
            partition by moments.instance_id order by moments.at
        ) as ended_at
    from moments
    inner join instances using (instance_id)
    where moments.at >= instances.protect_from and moments.at <= instances.ends_at

),

newest as (

    select
        pieces.instance_id,
        pieces.started_at,
        max(points.recovery_point_at) as recovery_point_at
    from pieces
    inner join points
        on
            pieces.instance_id = points.instance_id
            and pieces.started_at >= points.usable_from
            and pieces.started_at < points.usable_until
    group by all

),

excluded as (

    select distinct pieces.instance_id, pieces.started_at
    from pieces
    inner join windows
        on
            pieces.instance_id = windows.instance_id
            and pieces.started_at >= windows.e.start
            and pieces.started_at < windows.e.stop

),

final as (

    select
        pieces.instance_id,
        pieces.started_at,
        pieces.ended_at,
        newest.recovery_point_at,
        instances.rpo_s as objective_s,
        excluded.instance_id is null as is_measured,
        -- Violated from here on; equal to the objective is still compliant.
        case
            when excluded.instance_id is not null then null
            when pieces.started_at < onboarding.grace_until then null
            when newest.recovery_point_at is null then pieces.started_at
            when {{ plus_seconds('newest.recovery_point_at', 'instances.rpo_s') }} < pieces.ended_at
                then greatest(
                    pieces.started_at,
                    {{ plus_seconds('newest.recovery_point_at', 'instances.rpo_s') }}
                )
        end as violated_from,
        instances.ends_at
    from pieces
    inner join instances using (instance_id)
    inner join onboarding using (instance_id)
    left join newest using (instance_id, started_at)
    left join excluded using (instance_id, started_at)
    where pieces.ended_at > pieces.started_at

)

select * from final
