{#- How wide the band around a forecast is: docs/definitions.md tells each formula with an example.
    There are two kinds of forecasts. `rising`: the volume never fell, as an append-only store; its band begins
    at what is used and opens upwards only. `varying`: all others, whose band opens both ways. -#}

{#- What is believed before a fleet has back-tests of its own, by kind and horizon: the median error as a share
    of its scale, and the quantiles of errors in such medians. Of the development series of
    benchmarks/foresight. -#}
{% macro band_priors() -%}
    {{ return({
        'varying': [
            [1, 0.0007, -21.9, -4.3, 2.3, 5.4], [7, 0.0029, -8.7, -3.2, 1.9, 3.9],
            [14, 0.0056, -7.2, -3.0, 1.8, 3.9], [30, 0.0116, -6.6, -2.7, 1.6, 4.3],
            [60, 0.0197, -6.3, -2.5, 1.7, 6.6], [90, 0.0260, -6.2, -2.4, 2.1, 7.9],
            [120, 0.0317, -6.2, -2.7, 2.5, 9.2], [180, 0.0498, -4.9, -2.3, 2.6, 10.7]
        ],
        'rising': [
            [1, 1.0, -1.06, -0.97, -0.73, 1.24], [7, 1.0, -1.0, -0.1, 2.1, 4.9],
            [14, 1.0, -1.0, 0.5, 2.1, 4.4], [30, 1.0, -1.0, 0.8, 2.1, 3.9],
            [60, 0.8205, -1.2, 1.0, 2.4, 4.5], [90, 0.6971, -1.4, 1.2, 3.0, 5.4],
            [120, 0.6487, -1.5, 1.3, 3.3, 6.3], [180, 0.5862, -1.4, 1.5, 3.9, 7.1]
        ]
    }) }}
{%- endmacro %}

{#- The quantiles that make a band of a kind, in the order of its priors. The lower edges of what never fell
    are what is used; so all that may be missed is missed above. -#}
{% macro band_quantiles(kind) -%}
    {{ return({
        'varying': {'lo95': 0.025, 'p10': 0.1, 'p90': 0.9, 'hi95': 0.975},
        'rising': {'p10': 0.1, 'hi80': 0.8, 'p90': 0.9, 'hi95': 0.95}
    }[kind]) }}
{%- endmacro %}

{#- All quantiles of int_capacity_bands; NULL where a kind has none. -#}
{% macro band_names() -%}
    {{ return(['lo95', 'p10', 'hi80', 'p90', 'hi95']) }}
{%- endmacro %}

{#- Back-tests that the prior is worth, and those that the usual spread of a volume is worth. -#}
{% macro band_prior_weight() -%} 100 {%- endmacro %}
{% macro spread_prior_weight() -%} 9 {%- endmacro %}

{#- A volume's spread at one back-test is that of its others, of those so many days away: errors that overlap
    would tell of each other. -#}
{% macro spread_apart_days() -%} 90 {%- endmacro %}

{#- A forecast by a line through few weeks is as uncertain as this many others. -#}
{% macro line_spread() -%} 2.0 {%- endmacro %}

{#- What an error is a share of: the forecast, or a little of the most there was, where it is near nothing. -#}
{% macro error_scale(forecast, most) -%}
    greatest({{ forecast }}, 0.05 * {{ most }})
{%- endmacro %}

{#- The growth a day of a fleet that never falls, as a share of what is used, before it is known; and the
    volumes that this is worth. -#}
{% macro usual_pace() -%} 0.00075 {%- endmacro %}
{% macro pace_prior_weight() -%} 20 {%- endmacro %}
{% macro pace_windows() -%}
    {{ return([91, 357]) }}
{%- endmacro %}

{#- Which kind a forecast is; `pace_bytes` is known of volumes that never fell. -#}
{% macro band_kind() -%}
    case when method = 'drift' and pace_bytes is not null then 'rising' else 'varying' end
{%- endmacro %}

{#- Where the band stands, and what its quantiles are shares of, `h` days ahead. -#}
{% macro band_center() -%}
    case when kind = 'rising' then level_bytes + pace_bytes * h else mean_bytes end
{%- endmacro %}
{% macro band_scale() -%}
    case when kind = 'rising' then pace_bytes * h else {{ error_scale('mean_bytes', 'most_bytes') }} end
{%- endmacro %}

{#- An edge in bytes, from the columns of int_capacity_bands and kind, mean_bytes, level_bytes, center_bytes,
    scale_bytes. No edge is on the wrong side of the mean, and what never fell is never below its level. -#}
{% macro band_edge(name) -%}
    {%- if name == 'lo95' or name == 'lo80' -%}
    case
        when kind = 'rising' then level_bytes
        else greatest(mean_bytes + least({{ 'p10' if name == 'lo80' else name }}, 0) * scale_bytes, 0)
    end
    {%- elif name == 'p10' -%}
    greatest(least(center_bytes + p10 * scale_bytes, mean_bytes), coalesce(level_bytes, 0))
    {%- elif name == 'hi80' -%}
    greatest(center_bytes + case when kind = 'rising' then hi80 else p90 end * scale_bytes, mean_bytes)
    {%- else -%}
    greatest(center_bytes + {{ name }} * scale_bytes, mean_bytes)
    {%- endif -%}
{%- endmacro %}
