-- The life of each instance cut wherever its newest usable point, maintenance or protection changes.
-- Of one instance int_rpo_steps_of(id) tells the same, and reads no other.
-- depends_on: {{ ref('int_open_sets') }}
-- depends_on: {{ ref('int_archive_stretches') }}
-- depends_on: {{ ref('stg_instances') }}
{{ config(post_hook="{{ create_steps_of() }}") }}

with points as (

    select * from {{ ref('int_recovery_points') }}
    where was_ever_usable

),

lives as (

    {{ rpo_lives('points') }}

),

final as (

    {{ rpo_steps('points', 'lives') }}

)

select * from final
