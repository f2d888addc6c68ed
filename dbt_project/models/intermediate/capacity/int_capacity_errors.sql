-- Back-tests whose day has come: what was forecast, what was, and the error in units of what is usual
-- at that horizon.
with backtests as (

    select * from {{ ref('int_capacity_backtests') }}
    where origin >= {{ day_number(cbcr_now()) }} - {{ backtest_days() }}

),

days as (

    select * from {{ ref('int_capacity_days') }}
    where is_measured

),

most as (

    select volume, max(used_bytes) as most_bytes
    from {{ ref('int_capacity_days') }}
    group by volume

),

priors as (

    {% for prior in band_priors() -%}
    select {{ prior[0] }} as h, {{ prior[1] }} as usual_error
    {{ "union all" if not loop.last }}
    {% endfor %}
),

scored as (

    select
        backtests.*,
        days.used_bytes as actual_bytes,
        most.most_bytes,
        (days.used_bytes - backtests.mean_bytes)
            / nullif({{ error_scale('backtests.mean_bytes', 'most.most_bytes') }}, 0) as error_share
    from backtests
    inner join days
        on
            backtests.volume = days.volume
            and backtests.origin + backtests.h = days.day_number
    inner join most on backtests.volume = most.volume

),

usual as (

    select
        h,
        count(*) as n,
        any_value(priors.usual_error) as prior,
        median(abs(error_share)) as fleet
    from scored
    inner join priors using (h)
    where error_share is not null
    group by h

),

final as (

    select
        scored.*,
        usual.n as n_fleet,
        error_share / greatest(
            (usual.n * usual.fleet + {{ band_prior_weight() }} * usual.prior)
            / (usual.n + {{ band_prior_weight() }}),
            1e-6
        ) as usual_errors
    from scored
    inner join usual using (h)
    where error_share is not null

)

select * from final
