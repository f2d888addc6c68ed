-- From where to forecast: the newest day that is known, of each volume that is not silent.
with days as (

    select * from {{ ref('int_capacity_days') }}

),

final as (

    select volume, max(day_number) as origin
    from days
    group by volume
    having max(day_number) = {{ day_number(cbcr_now()) }} - 1

)

select * from final
