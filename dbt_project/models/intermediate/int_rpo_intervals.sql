-- When each instance violated its objective, the tail that is still open included.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_from_scope('ended_at') }}",
    post_hook="{{ mark_built() }}"
) }}

with steps as (

    select * from {{ ref('int_rpo_changed_steps') }}
    where clock = 'known' and violated_from is not null

),

scope as (

    select
        scope.*,
        instances.rpo_s,
        instances.retired_at is not null and instances.retired_at <= {{ cbcr_now() }} as is_over
    from {{ ref('int_rpo_scope') }} as scope
    inner join {{ ref('stg_instances') }} as instances using (instance_id)

),

marked as (

    select
        *,
        coalesce(lag(ended_at) over w <> violated_from, true) as starts_anew
    from steps
    window w as (partition by instance_id order by violated_from)

),

numbered as (

    select
        *,
        sum(starts_anew::integer) over (
            partition by instance_id order by violated_from
        ) as island
    from marked

),

islands as (

    select
        instance_id,
        min(violated_from) as started_at,
        max(ended_at) as ended_at,
        any_value(objective_s) as objective_s,
        any_value(ends_at) as ends_at
    from numbered
    group by instance_id, island

),

-- What was violated up to the moment from which it is said anew, and still is then, goes on.
final as (

    select
        islands.instance_id,
        case
            when islands.started_at = scope.from_at
                then coalesce(scope.violated_since, islands.started_at)
            else islands.started_at
        end as started_at,
        islands.ended_at,
        islands.objective_s,
        islands.ended_at = islands.ends_at and not scope.is_over as is_open
    from islands
    inner join scope using (instance_id)
    union all
    select
        scope.instance_id,
        scope.violated_since as started_at,
        scope.from_at as ended_at,
        scope.rpo_s as objective_s,
        false as is_open
    from scope
    anti join islands
        on scope.instance_id = islands.instance_id and scope.from_at = islands.started_at
    where scope.violated_since is not null

)

select * from final
