-- How much a volume errs beside others: the median over its back-tests of the median of their errors in
-- usual ones, drawn to one by how few there are. The row without an origin is what a forecast of today
-- takes. A back-test takes that of the others, of those far enough away: what is measured must not tell
-- how wide its own band is.
with errors as (

    select * from {{ ref('int_capacity_errors') }}

),

own as (

    select volume, kind, origin, median(abs(usual_errors)) as error
    from errors
    group by all

),

others as (

    select
        own.volume,
        own.kind,
        own.origin,
        count(other.origin) as n_origins,
        median(other.error) as error
    from own
    left join own as other
        on
            own.volume = other.volume
            and own.kind = other.kind
            and abs(own.origin - other.origin) > {{ spread_apart_days() }}
    group by all
    union all
    select volume, kind, null as origin, count(*) as n_origins, median(error) as error
    from own
    group by all

),

final as (

    select
        volume,
        kind,
        origin,
        n_origins,
        (n_origins * coalesce(error, 1) + {{ spread_prior_weight() }})
        / (n_origins + {{ spread_prior_weight() }}) as spread
    from others

)

select * from final
