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
    where protect_from < {{ cbcr_now() }} and rpo_s is not null

),

points as (

    select
        instance_id,
        recovery_point_at,
        usable_from,
        coalesce(usable_until, timestamp '9999-01-01') as usable_until,
        coalesce(worst_lag_s, 0) as worst_lag_s
    from {{ ref('int_recovery_points') }}
    where was_ever_usable

),

-- A point no longer matters once a newer one that lives at least as long can be used. This leaves
-- hardly any overlap, which is what keeps years of history cheap.
followed as (

    select
        *,
        lead(usable_from) over w as next_from,
        lead(usable_until) over w as next_until
    from points
    window w as (partition by instance_id order by recovery_point_at, usable_until)

),

spans as (

    select
        instance_id,
        recovery_point_at,
        worst_lag_s,
        usable_from as starts_at,
        case
            when next_until >= usable_until and next_from < usable_until
                then greatest(usable_from, next_from)
            else usable_until
        end as stops_at
    from followed

),

-- Joined by day first, so that only spans of the same day are compared.
daily_spans as (

    select
        *,
        unnest(range(
            {{ day_number('starts_at') }},
            {{ day_number('least(stops_at, ' ~ cbcr_now() ~ ')') }} + 1
        )) as day_number
    from spans
    where stops_at > starts_at

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
    select instance_id, starts_at from spans
    union
    select instance_id, stops_at from spans
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
        max(spans.recovery_point_at) as recovery_point_at,
        arg_max(spans.worst_lag_s, spans.recovery_point_at) as worst_lag_s
    from pieces
    inner join daily_spans as spans
        on
            pieces.instance_id = spans.instance_id
            and {{ day_number('pieces.started_at') }} = spans.day_number
            and pieces.started_at >= spans.starts_at
            and pieces.started_at < spans.stops_at
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
        newest.worst_lag_s,
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
