-- Fill of each storage volume by day, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'volume', 'day'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('storage_samples', 'volume', 'day') }}"
) }}

{% call rollup('storage_samples', 'volume', 'day') %}
    {{ storage_measures() }}
{% endcall %}
