{#- What a rollup says of its samples: one list a table, the same by hour and by day. -#}

{#- "Last" is the last value that is known: a sample without one does not hide the one before. -#}
{% macro last_known(value) -%}
    arg_max({{ value }}, sampled_at)
{%- endmacro %}

{% macro storage_measures() -%}
    {{ last_known('used_bytes') }} as used_bytes,
    min(used_bytes) as min_used_bytes,
    max(used_bytes) as max_used_bytes,
    avg(used_bytes) as mean_used_bytes,
    {{ last_known('size_bytes') }} as size_bytes,
    {{ last_known('avail_bytes') }} as avail_bytes,
    min(avail_bytes) as min_avail_bytes
{%- endmacro %}

{#- A link is full when its busier direction is. -#}
{% macro utilisation() -%}
    greatest(rx_bytes_s, tx_bytes_s) / nullif(capacity_bytes_s, 0)
{%- endmacro %}

{% macro network_measures(unit) -%}
    {% for direction in ['rx', 'tx'] -%}
    {{ exact_mean(direction ~ '_bytes_s', 0) }} as mean_{{ direction }}_bytes_s,
    quantile_cont({{ direction }}_bytes_s, 0.95) as p95_{{ direction }}_bytes_s,
    max({{ direction }}_bytes_s) as max_{{ direction }}_bytes_s,
    {% endfor -%}
    {{ last_known('capacity_bytes_s') }} as capacity_bytes_s,
    {{ exact_mean(utilisation()) }} as mean_utilisation,
    quantile_cont({{ utilisation() }}, 0.95) as p95_utilisation,
    max({{ utilisation() }}) as max_utilisation,
    {{ exact_mean('error_rate') }} as mean_error_rate,
    max(error_rate) as max_error_rate,
    {{ coverage(unit) }} as coverage
{%- endmacro %}

{% macro queue_measures(unit) -%}
    {{ last_known('depth') }} as depth,
    avg(depth) as mean_depth,
    max(depth) as max_depth,
    max(oldest_wait_s) as max_wait_s,
    {{ exact_mean('done_per_s') }} as mean_done_per_s,
    {{ coverage(unit) }} as coverage
{%- endmacro %}

{#- A pool of no workers is neither idle nor busy. -#}
{% macro worker_measures(unit) -%}
    {{ exact_mean('busy / nullif(total, 0)') }} as mean_busy_ratio,
    max(busy / nullif(total, 0)) as max_busy_ratio,
    max(busy) as max_busy,
    {{ last_known('total') }} as total,
    min(total) as min_total,
    max(last_heartbeat_at) as last_heartbeat_at,
    {{ coverage(unit) }} as coverage
{%- endmacro %}
