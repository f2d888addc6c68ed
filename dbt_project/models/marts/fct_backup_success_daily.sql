-- First-try and eventual are two numbers; running and cancelled attempts are in no denominator.
-- Said anew in each build: each touched instance, from the day on from which something changed.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ begin_runs_anew() }}", "{{ find_days_anew() }}", "{{ take_back_days() }}"],
    post_hook=["{{ mark_built() }}", "{{ forget_replaced() }}"]
) }}
-- depends_on: {{ ref('stg_backup_jobs') }}
-- depends_on: {{ ref('stg_scheduled_runs') }}
-- depends_on: {{ ref('stg_instances') }}
-- depends_on: {{ ref('int_attempts_recent') }}
-- depends_on: {{ ref('int_instance_sources') }}
-- depends_on: {{ ref('int_sources_spoken') }}
-- depends_on: {{ source('raw', 'quarantine') }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'scheduled_runs') }}

{% if is_incremental() and continues_runs() -%}

with anew_since as (

    select instance_id, day::timestamp as since from days_anew

),

{{ runs_since('anew_since') }},

-- Most changes are young: only for the others is the whole history looked through.
told as (

    {% for old, young in (('false', 'true'), ('true', 'false')) -%}
    select {{ attempt_columns('jobs.') }}
    from {{ ref('stg_backup_jobs') }} as jobs
    inner join (
        select * from days_anew
        where (day >= {{ cbcr_now() }} - interval 40 day) = {{ young }}
    ) as anew using (instance_id)
    where
        jobs.started_at >= anew.day - interval 5 minute
        {% if young == 'true' -%}
        and jobs.started_at >= {{ cbcr_now() }} - interval 41 day
        {% endif -%}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

durations as (

    select * from {{ ref('int_attempts_recent') }}

),

{{ judged_attempts('told', 'durations') }},

attempts as (

    select * from judged

),

{{ due_runs('asked') }},

{{ run_attempts('attempts') }},

{{ run_outcomes('run_attempts') }},

{% else -%}

with attempts as (

    select * from {{ ref('int_backup_attempts') }}
    where instance_id is not null and started_at is not null

),

outcomes as (

    select * from {{ ref('int_scheduled_runs') }}

),

{% endif -%}

by_run as (

    select
        instance_id,
        scheduled_at::date as day,
        backup_type,
        count(*) as scheduled,
        count(*) filter (outcome not in ('missed', 'unknown')) as attempted,
        count(*) filter (outcome = 'first_try') as first_try,
        count(*) filter (outcome = 'first_try' or has_success) as eventual,
        count(*) filter (outcome = 'missed') as missed,
        count(*) filter (outcome = 'unknown') as unknown
    from outcomes
    where outcome <> 'waiting'
    group by all

),

by_attempt as (

    select
        instance_id,
        started_at::date as day,
        coalesce(backup_type, 'unknown') as backup_type,
        count(*) filter (state = 'failed') as failed,
        count(*) filter (state = 'lost') as lost,
        count(*) filter (state = 'cancelled') as cancelled,
        count(*) filter (not {{ is_finished('state') }}) as running
    from attempts
    group by all

),

counted as (

    select
        instance_id,
        day,
        backup_type,
        coalesce(by_run.scheduled, 0) as scheduled,
        coalesce(by_run.attempted, 0) as attempted,
        coalesce(by_run.first_try, 0) as first_try,
        coalesce(by_run.eventual, 0) as eventual,
        coalesce(by_run.missed, 0) as missed,
        coalesce(by_run.unknown, 0) as unknown,
        coalesce(by_attempt.failed, 0) as failed,
        coalesce(by_attempt.lost, 0) as lost,
        coalesce(by_attempt.cancelled, 0) as cancelled,
        coalesce(by_attempt.running, 0) as running
    from by_run
    full outer join by_attempt using (instance_id, day, backup_type)

),

final as (

    select counted.*
    from counted
    {% if is_incremental() and continues_runs() -%}
        inner join days_anew as anew
            on counted.instance_id = anew.instance_id and counted.day >= anew.day
    {%- endif %}

)

select * from final
