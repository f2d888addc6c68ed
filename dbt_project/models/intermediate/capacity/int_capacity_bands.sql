-- The band around a forecast by kind and horizon, of a volume that errs as others do, as shares of its
-- scale: quantiles of the fleet's back-tests of that kind, drawn to the prior by how few they are;
-- straight between the horizons of the back-tests. Beyond the last a share of the forecast grows in
-- proportion; that of a pace is one of a growing distance already.
{{ config(materialized='table') }}

with placed as (

    select
        *,
        usual_errors / spread as score
    from {{ ref('int_capacity_errors') }}
    inner join {{ ref('int_capacity_spreads') }} using (volume, kind, origin)

),

scores as (

    -- What fell although it never had is outside, whatever the upper edge is: it counts as the worst.
    select
        *,
        case
            when kind = 'rising' and actual_bytes < level_bytes
                then max(score) over (partition by kind, h)
            else score
        end as ranked
    from placed

),

priors as (

    {% for kind, priors in band_priors().items() -%}
    {% set is_last = loop.last -%}
    {% for prior in priors -%}
    select
        '{{ kind }}' as kind, {{ prior[0] }} as h, {{ prior[1] }} as usual_error
        {%- for name in band_names() %},
        {% set place = (band_quantiles(kind).keys() | list).index(name) + 2
            if name in band_quantiles(kind) else none -%}
        {{ 'null::double' if place is none else prior[place] }} as {{ name }}
        {%- endfor %}
    {{ "union all" if not (loop.last and is_last) }}
    {% endfor -%}
    {% endfor %}
),

fleet as (

    {% for kind in band_priors() -%}
    {% set quantiles = band_quantiles(kind) -%}
    select
        kind,
        h,
        count(*) as n,
        {% for name in band_names() -%}
        {% if name in quantiles -%}
        quantile_cont(ranked, {{ quantiles[name] }}) as {{ name }},
        {% else -%}
        null::double as {{ name }},
        {% endif -%}
        {% endfor -%}
        median(abs(band_share)) as usual_error
    from scores
    where kind = '{{ kind }}'
    group by all
    {{ "union all" if not loop.last }}
    {% endfor %}
),

drawn as (

    select
        kind,
        h,
        coalesce(fleet.n, 0) as n,
        {{ band_prior_weight() }} / (coalesce(fleet.n, 0) + {{ band_prior_weight() }}) as weight,
        weight * priors.usual_error + (1 - weight) * coalesce(fleet.usual_error, 0) as typical
        {%- for name in band_names() %},
        typical * (weight * priors.{{ name }} + (1 - weight) * coalesce(fleet.{{ name }}, 0))
            as {{ name }}
        {%- endfor %}
    from priors
    left join fleet using (kind, h)

),

stretches as (

    select
        *,
        lead(h) over ahead as next_h
        {%- for name in band_names() %},
        lead({{ name }}) over ahead as next_{{ name }}
        {%- endfor %}
    from drawn
    window ahead as (partition by kind order by h)

),

days as (

    select
        *,
        unnest(range(h, coalesce(next_h, 366)))::integer as day_h
    from stretches

),

final as (

    select
        kind,
        day_h,
        h as tested_h,
        n
        {%- for name in band_names() %},
        case
            when next_h is null and kind = 'rising' then {{ name }}
            when next_h is null then {{ name }} * day_h / h
            else {{ name }} + (next_{{ name }} - {{ name }}) * (day_h - h) / (next_h - h)
        end as {{ name }}
        {%- endfor %}
    from days

)

select * from final
