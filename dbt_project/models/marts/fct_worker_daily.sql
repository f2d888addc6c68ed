-- State of each worker pool by day, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'pool', 'day'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('worker_samples', 'pool', 'day') }}"
) }}

{% call rollup('worker_samples', 'pool', 'day') %}
    {{ worker_measures('day') }}
{% endcall %}
