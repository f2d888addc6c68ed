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
            then printf('%dd %dh', ({{ seconds }} // 86400)::bigint, ({{ seconds }} % 86400 // 3600)::bigint)
        when {{ seconds }} >= 3600
            then printf('%dh %dm', ({{ seconds }} // 3600)::bigint, ({{ seconds }} % 3600 // 60)::bigint)
        when {{ seconds }} >= 60
            then printf('%dm %ds', ({{ seconds }} // 60)::bigint, ({{ seconds }} % 60)::bigint)
        else printf('%ds', ({{ seconds }})::bigint)
    end
{%- endmacro %}
