-- Backups of an odd size or duration, each against its own past (see macros/anomalies.sql).
-- What an attempt says of its set is not said again by the catalog.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ begin_anew() }}", "{{ begin_series_anew() }}"],
    post_hook="{{ mark_built() }}"
) }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'backup_sets') }}
-- depends_on: {{ source('raw', 'quarantine') }}
-- depends_on: {{ source('raw', 'instance_aliases') }}

with {{ series_sources() }},

{{ measured_backups('jobs', 'sets') }},

{{ judged_backups() }},

odd as (

    select * from judged
    where kind is not null

),

by_attempts as (

    select instance_id, label, measure from odd
    where told_by = 'attempt' and label is not null

),

told_once as (

    select odd.*
    from odd
    left join by_attempts
        on
            odd.told_by = 'catalog'
            and odd.instance_id = by_attempts.instance_id
            and odd.label = by_attempts.label
            and odd.measure = by_attempts.measure
    where by_attempts.instance_id is null

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
