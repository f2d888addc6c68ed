-- Back-tests whose day has come: what was forecast, what was, and where it lay in its band, in units of
-- what is usual at that horizon.
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

    {% for kind, priors in band_priors().items() -%}
    {% set is_last = loop.last -%}
    {% for prior in priors -%}
    select '{{ kind }}' as kind, {{ prior[0] }} as h, {{ prior[1] }} as usual_error
    {{ "union all" if not (loop.last and is_last) }}
    {% endfor -%}
    {% endfor %}
),

met as (

    select
        backtests.*,
        days.used_bytes as actual_bytes,
        most.most_bytes,
        paces.level_bytes,
        paces.pace_bytes,
        {{ band_kind() }} as kind
    from backtests
    inner join days
        on
            backtests.volume = days.volume
            and backtests.origin + backtests.h = days.day_number
    inner join most on backtests.volume = most.volume
    left join {{ ref('int_capacity_paces') }} as paces
        on backtests.volume = paces.volume and backtests.origin = paces.origin

),

placed as (

    select
        *,
        {{ band_center() }} as center_bytes,
        {{ band_scale() }} as scale_bytes
    from met

),

scored as (

    select
        *,
        (actual_bytes - mean_bytes)
            / nullif({{ error_scale('mean_bytes', 'most_bytes') }}, 0) as error_share,
        (actual_bytes - center_bytes) / nullif(scale_bytes, 0) as band_share
    from placed

),

usual as (

    select
        kind,
        h,
        count(*) as n,
        any_value(priors.usual_error) as prior,
        median(abs(band_share)) as fleet
    from scored
    inner join priors using (kind, h)
    where band_share is not null
    group by all

),

final as (

    select
        scored.*,
        usual.n as n_fleet,
        band_share / greatest(
            (usual.n * usual.fleet + {{ band_prior_weight() }} * usual.prior)
            / (usual.n + {{ band_prior_weight() }}),
            1e-6
        ) as usual_errors
    from scored
    inner join usual using (kind, h)
    where band_share is not null

)

select * from final
