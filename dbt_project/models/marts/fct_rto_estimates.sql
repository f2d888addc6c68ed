-- How long a restore would take, as of the last build; int_rto_estimates owns the formulas.
with estimates as (

    select * from {{ ref('int_rto_estimates') }}

),

final as (

    select
        * exclude (retired_at),
        {{ cbcr_now() }} as estimated_at
    from estimates

)

select * from final
