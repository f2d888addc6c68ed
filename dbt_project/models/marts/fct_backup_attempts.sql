-- Said anew in each build: what arrived, what the clock may have changed, and the attempts of
-- instances whose promises changed. What was said of them before is taken back first.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ begin_anew() }}", "{{ find_attempts_anew() }}", "{{ take_back_attempts() }}"],
    post_hook="{{ mark_built() }}"
) }}
-- depends_on: {{ ref('stg_backup_jobs') }}
-- depends_on: {{ ref('int_attempts_recent') }}
-- depends_on: {{ source('raw', 'quarantine') }}
-- depends_on: {{ ref('stg_scheduled_runs') }}
-- depends_on: {{ ref('stg_instances') }}
-- depends_on: {{ source('raw', 'scheduled_runs') }}

{% if is_incremental() and continues() -%}

with arrived as (

    select {{ attempt_columns() }} from {{ ref('stg_backup_jobs') }}
    where ingest_seq > {{ mark() }}

),

told as (

    select * from arrived
    union all
    select * from attempts_promised

),

durations as (

    select * from {{ ref('int_attempts_recent') }}

),

{{ judged_attempts('told', 'durations') }},

attempts as (

    select * from judged
    union all
    select unsettled.* from attempts_unsettled as unsettled
    anti join judged using (source_id, attempt_key)

),

earliest as (

    select instance_id, min(started_at) as since
    from attempts
    where instance_id is not null and started_at is not null
    group by instance_id

),

{{ runs_since('earliest') }},

{% else -%}

with attempts as (

    select * from {{ ref('int_backup_attempts') }}

),

asked as (

    select * from {{ ref('stg_scheduled_runs') }}

),

{% endif -%}

{{ due_runs('asked') }},

{{ run_attempts('attempts') }},

scheduled as (

    select
        source_id,
        attempt_key,
        max(scheduled_at) as scheduled_at
    from matched
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
        coalesce(attempts.scheduled_at, scheduled.scheduled_at) as scheduled_at,
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
    left join scheduled using (source_id, attempt_key)

)

select * from final
order by {{ page_order('started_at') }}
