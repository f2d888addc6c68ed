{% macro is_success(state) -%}
    {{ state }} in ('succeeded', 'succeeded_with_warnings')
{%- endmacro %}

{% macro is_finished(state) -%}
    {{ state }} not in ('queued', 'running')
{%- endmacro %}

{% macro strength(backup_type) -%}
    {#- A success of equal or greater strength makes good what a weaker backup failed to do. -#}
    case {{ backup_type }} when 'incr' then 1 when 'diff' then 2 else 3 end
{%- endmacro %}

{% macro human_seconds(seconds) -%}
    {#- 93784 -> 1d 2h, 3725 -> 1h 2m, 42 -> 42s -#}
    case
        when {{ seconds }} >= 86400
            then printf('%dd %dh', {{ whole(seconds, 86400) }}, {{ whole(seconds ~ ' % 86400', 3600) }})
        when {{ seconds }} >= 3600
            then printf('%dh %dm', {{ whole(seconds, 3600) }}, {{ whole(seconds ~ ' % 3600', 60) }})
        when {{ seconds }} >= 60
            then printf('%dm %ds', {{ whole(seconds, 60) }}, {{ whole(seconds ~ ' % 60', 1) }})
        else printf('%ds', {{ whole(seconds, 1) }})
    end
{%- endmacro %}

{% macro whole(amount, unit) -%}
    {#- How many whole units: // of two doubles keeps the fraction, and a cast rounds it up. -#}
    floor(({{ amount }}) / {{ unit }})::bigint
{%- endmacro %}

{% macro log_of(value) -%}
    {#- The logarithm of what is above zero; NULL of anything else, where ln() would end the query. -#}
    case when {{ value }} > 0 then ln({{ value }}) end
{%- endmacro %}
