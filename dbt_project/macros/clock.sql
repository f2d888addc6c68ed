{% macro cbcr_now() -%}
    {#- The only clock in SQL: the variable cbcr_as_of, else the present, naive UTC. -#}
    cbcr_now()
{%- endmacro %}

{% macro set_as_of() -%}
    {%- if var('cbcr_as_of', none) -%}
        set variable cbcr_as_of = timestamp '{{ var("cbcr_as_of") }}'
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {#- A test has no pre-hook, and its connection need not be one that built a model. -#}
    {%- if var('cbcr_as_of', none) -%}
        {{ set_as_of() }};
    {% endif -%}
    {{ default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro seconds_between(start, stop) -%}
    (epoch_us({{ stop }}) - epoch_us({{ start }})) / 1000000.0
{%- endmacro %}

{% macro plus_seconds(moment, seconds) -%}
    ({{ moment }} + to_microseconds(round(({{ seconds }}) * 1000000)::bigint))
{%- endmacro %}

{% macro utc_text(moment) -%}
    strftime({{ moment }}, '%Y-%m-%d %H:%M:%SZ')
{%- endmacro %}

{% macro day_number(moment) -%}
    {#- Days since 1970: integer days are split and joined far faster than calendar functions. -#}
    (epoch_us({{ moment }}) // 86400000000)
{%- endmacro %}
