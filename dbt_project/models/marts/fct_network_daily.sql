-- Load of each network link by day, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'link', 'day'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('network_samples', 'link', 'day') }}"
) }}

{% call rollup('network_samples', 'link', 'day') %}
    {{ network_measures('day') }}
{% endcall %}
