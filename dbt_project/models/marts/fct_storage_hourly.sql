-- Fill of each storage volume by hour, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'volume', 'hour'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('storage_samples', 'volume', 'hour') }}"
) }}

{% call rollup('storage_samples', 'volume', 'hour') %}
    {{ storage_measures() }}
{% endcall %}
