-- The life of each instance as int_rpo_steps tells it, in hindsight: what was found corrupt never was
-- usable.
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
