-- The pieces of int_rpo_steps that this build says anew (see int_rpo_scope).
{{ config(materialized='table') }}

with scope as (

    select * from {{ ref('int_rpo_scope') }}

),

reopened as (

    select instance_id from scope
    where from_at < {{ cbcr_now() }} - {{ open_for() }}

),

-- What was closed long ago matters only to those that are said anew from before.
sets as (

    select * from {{ ref('int_open_sets') }}
    union all by name
    select closed.*
    from intermediate.int_closed_sets as closed
    semi join reopened using (instance_id)

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
    inner join scope using (instance_id)
    where
        coalesce(stretches.next_from_at > scope.from_at, true)
        or stretches.next_to_at < stretches.archived_to_at

),

points as (

    select points.* from ({{ recovery_points('sets', 'archives') }}) as points
    where points.was_ever_usable

),

lives as (

    select
        lives.* exclude (starts_at),
        greatest(lives.protect_from, scope.from_at) as starts_at
    from ({{ rpo_lives('points') }}) as lives
    inner join scope using (instance_id)

),

-- The two clocks differ only where something was found corrupt.
corrupted as (

    select distinct instance_id from points
    where restated_until is distinct from usable_until

),

restated_lives as (

    select
        lives.* exclude (starts_at),
        greatest(lives.protect_from, scope.from_at) as starts_at
    from ({{ rpo_lives('points', until='restated_until') }}) as lives
    inner join scope using (instance_id)
    semi join corrupted using (instance_id)

),

final as (

    select 'known' as clock, steps.*
    from ({{ rpo_steps('points', 'lives') }}) as steps
    union all
    select 'restated' as clock, steps.*
    from ({{ rpo_steps('points', 'restated_lives', until='restated_until') }}) as steps

)

select * from final
