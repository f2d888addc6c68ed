-- State of each backup queue by day, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'queue', 'day'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('queue_samples', 'queue', 'day') }}"
) }}

{% call rollup('queue_samples', 'queue', 'day') %}
    {{ queue_measures('day') }}
{% endcall %}
