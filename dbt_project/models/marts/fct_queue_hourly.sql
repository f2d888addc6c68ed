-- State of each backup queue by hour, in UTC (see macros/rollups.sql and macros/rollup_measures.sql).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'queue', 'hour'],
    on_schema_change='fail',
    pre_hook="{{ drop_judged('queue_samples', 'queue', 'hour') }}"
) }}

{% call rollup('queue_samples', 'queue', 'hour') %}
    {{ queue_measures('hour') }}
{% endcall %}
