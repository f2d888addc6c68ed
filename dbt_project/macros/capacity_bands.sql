{#- How wide the band around a forecast is: docs/definitions.md tells each formula with an example. -#}

{#- What is believed before a fleet has back-tests of its own, by horizon: the median error as a share
    of the forecast, and the quantiles of errors in such medians. Of the development series of
    benchmarks/foresight. -#}
{% macro band_priors() -%}
    {{ return([
        [1, 0.0008, -8.0, -1.8, 2.3, 4.5], [7, 0.0028, -6.2, -2.1, 2.1, 8.6],
        [14, 0.0056, -5.2, -2.1, 2.0, 7.2], [30, 0.0121, -4.2, -2.1, 1.9, 6.2],
        [60, 0.0207, -4.0, -1.9, 2.2, 6.9], [90, 0.0273, -3.8, -2.0, 2.6, 8.2],
        [120, 0.0355, -3.8, -1.9, 2.6, 8.6], [180, 0.0535, -3.6, -1.7, 2.7, 9.6]
    ]) }}
{%- endmacro %}

{#- Back-tests that the prior is worth, and those that the usual spread of a volume is worth. -#}
{% macro band_prior_weight() -%} 100 {%- endmacro %}
{% macro spread_prior_weight() -%} 9 {%- endmacro %}

{#- A forecast by a line through few weeks is as uncertain as this many others. -#}
{% macro line_spread() -%} 2.0 {%- endmacro %}

{#- What an error is a share of: the forecast, or a little of the most there was, where it is near nothing. -#}
{% macro error_scale(forecast, most) -%}
    greatest({{ forecast }}, 0.05 * {{ most }})
{%- endmacro %}

{% macro band_quantiles() -%}
    {{ return({'lo95': 0.025, 'lo80': 0.1, 'hi80': 0.9, 'hi95': 0.975}) }}
{%- endmacro %}
