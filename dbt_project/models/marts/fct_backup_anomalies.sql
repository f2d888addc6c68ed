-- Backups of an odd size or duration, each against its own past (see macros/anomalies.sql).
-- What an attempt says of its set is not said again by the catalog.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ take_back_odd() }}",
    post_hook="{{ mark_built() }}"
) }}

with anew as (

    select
        {{ series_key() }},
        unnest(odd) as backup
    from {{ ref('int_series_anew') }}
    where odd is not null

),

odd as (

    select {{ series_key() }}, unnest(backup) from anew

),

by_attempts as (

    select instance_id, label, measure from odd
    where told_by = 'attempt' and label is not null
    {% if is_incremental() -%}
        union all
        select instance_id, label, measure from {{ this.include(database=false) }}
        where told_by = 'attempt' and label is not null
    {%- endif %}

),

told_once as (

    select odd.*
    from odd
    where
        odd.told_by <> 'catalog'
        or (odd.instance_id, odd.label, odd.measure) not in (
            select (instance_id, label, measure) from by_attempts
        )

),

final as (

    select
        instance_id,
        source_id,
        told_by,
        repo,
        backup_type,
        measure,
        native_key,
        label,
        started_at,
        kind,
        {{ anomaly_severity() }} as severity,
        value,
        expected,
        ratio,
        z,
        spread,
        known::integer as compared_with,
        event_started_at,
        event_runs::integer as event_runs
    from told_once

)

select * from final
