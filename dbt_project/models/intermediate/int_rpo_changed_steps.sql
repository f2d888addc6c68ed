-- The pieces of int_rpo_steps that this build says anew (see int_rpo_scope).
{{ config(materialized='table') }}

with scope as (

    select * from {{ ref('int_rpo_scope') }}

),

-- What was closed long ago matters only to those that are said anew from before.
reopened as (

    select
        instance_id,
        min(from_at) as from_at,
        max(to_at) as to_at
    from scope
    where from_at < {{ cbcr_now() }} - {{ open_for() }}
    group by instance_id

),

sets as (

    select * from {{ ref('int_open_sets') }}
    union all by name
    select closed.*
    from intermediate.int_closed_sets as closed
    inner join reopened using (instance_id)
    where
        closed.usable_from < reopened.to_at
        and greatest(closed.usable_until, closed.restated_until) > reopened.from_at

),

begins as (

    select instance_id, min(from_at) as from_at from scope
    group by instance_id

),

past_scope as (

    select * from scope
    where is_past

),

present_scope as (

    select * from scope
    where not is_past

),

-- Of the archive before that moment only its last state.
archives as (

    select stretches.* exclude (next_from_at, next_to_at)
    from (
        select
            *,
            lead(known_from_at) over w as next_from_at,
            lead(archived_to_at) over w as next_to_at
        from {{ ref('int_archive_stretches') }}
        window
            w as (
                partition by instance_id, source_id, base_label, archived_from_at
                order by known_from_at, stretch
            )
    ) as stretches
    inner join begins using (instance_id)
    where
        coalesce(stretches.next_from_at > begins.from_at, true)
        or stretches.next_to_at < stretches.archived_to_at

),

points as (

    select points.* from ({{ recovery_points('sets', 'archives') }}) as points
    where points.was_ever_usable

),

-- The two clocks differ only where something was found corrupt.
corrupted as (

    select distinct instance_id from points
    where restated_until is distinct from usable_until

),

{% for clock, until in (('known', 'usable_until'), ('restated', 'restated_until')) -%}
{% for part in ('present', 'past') -%}
{{ part }}_{{ clock }}_lives as (

    select
        lives.* exclude (starts_at, ends_at),
        greatest(lives.protect_from, scope.from_at) as starts_at,
        least(lives.ends_at, scope.to_at) as ends_at
    from ({{ rpo_lives('points', until) }}) as lives
    inner join {{ part }}_scope as scope using (instance_id)
    {% if clock == 'restated' -%}
        semi join corrupted using (instance_id)
    {%- endif %}
    where least(lives.ends_at, scope.to_at) > greatest(lives.protect_from, scope.from_at)

),

{% endfor -%}
{% endfor -%}
final as (

    {% for clock, until in (('known', 'usable_until'), ('restated', 'restated_until')) -%}
    select '{{ clock }}' as clock, steps.*
    from ({{ rpo_steps('points', 'present_' ~ clock ~ '_lives', until) }}) as steps
    union all
    select '{{ clock }}' as clock, steps.*
    from ({{ rpo_steps('points', 'past_' ~ clock ~ '_lives', until) }}) as steps
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from final
