-- Load of each network link by hour, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'link', 'hour'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('network_samples', 'link', 'hour') }}"
) }}

{% call rollup('network_samples', 'link', 'hour') %}
    {{ network_measures('hour') }}
{% endcall %}
