-- State of each worker pool by hour, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'pool', 'hour'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('worker_samples', 'pool', 'hour') }}"
) }}

{% call rollup('worker_samples', 'pool', 'hour') %}
    {{ worker_measures('hour') }}
{% endcall %}
