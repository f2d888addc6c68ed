-- The life of each instance as int_rpo_steps tells it, in hindsight: what was found corrupt never was
-- usable. Of one instance int_rpo_restated_steps_of(id) tells the same, and reads no other.
-- depends_on: {{ ref('int_open_sets') }}
-- depends_on: {{ ref('int_archive_stretches') }}
-- depends_on: {{ ref('stg_instances') }}
{{ config(post_hook="{{ create_steps_of('restated_until') }}") }}

with points as (

    select * from {{ ref('int_recovery_points') }}
    where was_ever_usable

),

lives as (

    {{ rpo_lives('points', until='restated_until') }}

),

final as (

    {{ rpo_steps('points', 'lives', until='restated_until') }}

)

select * from final
