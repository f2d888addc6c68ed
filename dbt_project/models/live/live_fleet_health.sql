-- The health of the fleet, of each kind of component and of each team's instances, now.
with components as (

    select * from {{ ref('live_component_health') }}

),

{{ fleet_health('components') }},

final as (

    select * from rolled

)

select * from final
