-- live_component_health as of this build, kept for the marts: it is computed once.
{{ config(materialized='table') }}

with health as (

    select * from {{ ref('live_component_health') }}

),

final as (

    select * from health

)

select * from final
