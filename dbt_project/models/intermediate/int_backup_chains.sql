-- Every backup set with the span in which it and all it rests on can be used, as of the last build.
-- depends_on: {{ ref('int_open_sets') }}
with final as (

    select * from {{ ref('int_open_sets') }}
    union all by name
    select * from intermediate.int_closed_sets

)

select * from final
