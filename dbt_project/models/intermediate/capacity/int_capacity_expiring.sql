-- What goes when, of the sets that are there; a row of no bytes for a volume of which nothing ever goes.
{{ config(materialized='table') }}

with {{ capacity_habits(ref('int_capacity_origins')) }},

{{ capacity_expiring() }},

final as (

    select
        volume,
        origin,
        coalesce(expiring_.h, 1) as h,
        coalesce(expiring_.bytes, 0) as bytes,
        tracked_.tracked_bytes,
        tracked_.tracked_since,
        tracked_.n_sets
    from tracked_
    left join expiring_ using (volume, origin)

)

select * from final
