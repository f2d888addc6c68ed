-- How much a volume errs beside others: the median of its errors in usual ones, drawn to one by how few
-- back-tests there are.
with errors as (

    select * from {{ ref('int_capacity_errors') }}

),

own as (

    select
        volume,
        count(distinct origin) as n_origins,
        median(abs(usual_errors)) as error
    from errors
    group by volume

),

final as (

    select
        volume,
        n_origins,
        (n_origins * error + {{ spread_prior_weight() }})
        / (n_origins + {{ spread_prior_weight() }}) as spread
    from own

)

select * from final
