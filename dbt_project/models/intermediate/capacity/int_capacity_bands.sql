-- The band around a forecast by horizon, of a volume that errs as others do, as shares of the forecast:
-- quantiles of the fleet's back-tests, drawn to the prior by how few they are; straight between the
-- horizons of the back-tests, and in proportion beyond the last.
{{ config(materialized='table') }}

with errors as (

    select
        *,
        usual_errors / spread as score
    from {{ ref('int_capacity_errors') }}
    inner join {{ ref('int_capacity_spreads') }} using (volume)

),

priors as (

    {% for prior in band_priors() -%}
    select
        {{ prior[0] }} as h, {{ prior[1] }} as usual_error, {{ prior[2] }} as lo95,
        {{ prior[3] }} as lo80, {{ prior[4] }} as hi80, {{ prior[5] }} as hi95
    {{ "union all" if not loop.last }}
    {% endfor %}
),

fleet as (

    select
        h,
        count(*) as n,
        {% for name, share in band_quantiles().items() -%}
        quantile_cont(score, {{ share }}) as {{ name }},
        {% endfor -%}
        median(abs(error_share)) as usual_error
    from errors
    group by h

),

drawn as (

    select
        h,
        coalesce(fleet.n, 0) as n,
        {{ band_prior_weight() }} / (coalesce(fleet.n, 0) + {{ band_prior_weight() }}) as weight,
        weight * priors.usual_error + (1 - weight) * coalesce(fleet.usual_error, 0) as typical
        {%- for name in band_quantiles() %},
        typical * (weight * priors.{{ name }} + (1 - weight) * coalesce(fleet.{{ name }}, 0))
            as {{ name }}
        {%- endfor %}
    from priors
    left join fleet using (h)

),

stretches as (

    select
        *,
        lead(h) over (order by h) as next_h
        {%- for name in band_quantiles() %},
        lead({{ name }}) over (order by h) as next_{{ name }}
        {%- endfor %}
    from drawn

),

days as (

    select
        *,
        unnest(range(h, coalesce(next_h, 366)))::integer as day_h
    from stretches

),

final as (

    select
        day_h,
        h as tested_h,
        n
        {%- for name in band_quantiles() %},
        case
            when next_h is null then {{ name }} * day_h / h
            else {{ name }} + (next_{{ name }} - {{ name }}) * (day_h - h) / (next_h - h)
        end as {{ name }}
        {%- endfor %}
    from days

)

select * from final
