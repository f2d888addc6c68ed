-- Incremental by ingest sequence. Attempts without an end are read again each time, because they
-- become lost by the clock alone, and so is what an earlier build did not believe yet.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_id', 'attempt_key'],
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}{{ drop_refused('backup_jobs', ['source_id', 'attempt_key']) }}{% endif %}"
) }}

with attempts as (

    select * from {{ ref('int_backup_attempts') }}
    {% if is_incremental() %}
        where
            ingest_seq > (select coalesce(max(ingest_seq), 0) from {{ this }})
            or (source_id, attempt_key) not in (
                select (source_id, attempt_key) from {{ this }}
                where is_finished and not (state = 'lost' and finished_at is null)
            )
    {% endif %}

),

matched as (

    select
        source_id,
        attempt_key,
        max(scheduled_at) as scheduled_at
    from {{ ref('int_run_attempts') }}
    where attempt_key is not null
    group by all

),

final as (

    select
        attempts.source_id,
        attempts.attempt_key,
        attempts.instance_id,
        attempts.native_instance,
        attempts.tool,
        attempts.repo,
        attempts.backup_type,
        attempts.state,
        {{ is_success('attempts.state') }} as is_success,
        {{ is_finished('attempts.state') }} as is_finished,
        coalesce(attempts.scheduled_at, matched.scheduled_at) as scheduled_at,
        attempts.started_at,
        attempts.finished_at,
        coalesce(
            attempts.duration_s, {{ seconds_between('attempts.started_at', 'attempts.finished_at') }}
        ) as duration_s,
        attempts.exit_code,
        attempts.error_code,
        attempts.error_class,
        attempts.error_text,
        attempts.backup_label,
        attempts.source_bytes,
        attempts.transferred_bytes,
        attempts.worker,
        attempts.ingest_seq
    from attempts
    left join matched using (source_id, attempt_key)

)

select * from final
