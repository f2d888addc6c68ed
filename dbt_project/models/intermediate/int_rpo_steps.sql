-- The life of each instance cut wherever its newest usable point, maintenance or protection changes.
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
