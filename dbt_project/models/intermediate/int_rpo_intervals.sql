-- When each instance violated its objective, the tail that is still open included.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_from_scope('ended_at', 'started_at') }}",
    post_hook="{{ mark_built() }}"
) }}

with scope as (

    select
        scope.*,
        instances.rpo_s,
        instances.retired_at is not null and instances.retired_at <= {{ cbcr_now() }} as is_over
    from {{ ref('int_rpo_scope') }} as scope
    inner join {{ ref('stg_instances') }} as instances using (instance_id)

),

past as (

    select * from scope
    where is_past

),

present as (

    select * from scope
    where not is_past

),

-- What was violated up to the moment from which it is said anew goes on if it still is then, and what
-- was violated after it begins anew or goes on.
pieces as (

    select
        steps.instance_id,
        steps.violated_from,
        steps.ended_at,
        steps.objective_s,
        case when coalesce(steps.ends_at > past.to_at, true) then steps.ends_at end as ends_at
    from {{ ref('int_rpo_changed_steps') }} as steps
    left join past using (instance_id)
    where steps.clock = 'known' and steps.violated_from is not null
    union
    select
        scope.instance_id,
        greatest(
            scope.violated_since, case when not scope.is_past then past.to_at end
        ) as violated_from,
        scope.from_at as ended_at,
        scope.rpo_s as objective_s,
        null as ends_at
    from scope
    left join past using (instance_id)
    where
        scope.violated_since is not null
        and coalesce(scope.is_past or past.to_at < scope.from_at, true)
    union
    select
        past.instance_id,
        past.to_at as violated_from,
        least(past.violated_until, present.from_at) as ended_at,
        past.rpo_s as objective_s,
        null as ends_at
    from past
    left join present using (instance_id)
    where past.violated_until is not null

),

-- What was violated between the past and the present is told from both sides.
marked as (

    select
        *,
        coalesce(max(ended_at) over w < violated_from, true) as starts_anew
    from pieces
    where violated_from < ended_at
    window
        w as (
            partition by instance_id order by violated_from, ended_at
            rows between unbounded preceding and 1 preceding
        )

),

numbered as (

    select
        *,
        sum(starts_anew::integer) over (
            partition by instance_id order by violated_from, ended_at
            rows between unbounded preceding and current row
        ) as island
    from marked

),

islands as (

    select
        instance_id,
        min(violated_from) as started_at,
        max(ended_at) as ended_at,
        arg_max(objective_s, violated_from) as objective_s,
        max(ends_at) as ends_at
    from numbered
    group by instance_id, island

),

final as (

    select
        islands.instance_id,
        islands.started_at,
        islands.ended_at,
        islands.objective_s,
        coalesce(islands.ended_at = islands.ends_at, false)
        and present.instance_id is not null
        and not present.is_over as is_open
    from islands
    left join present using (instance_id)

)

select * from final
