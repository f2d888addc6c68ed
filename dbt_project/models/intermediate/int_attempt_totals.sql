-- How the backups of each instance went, as of this build; live_attempts takes it from here, and judges
-- anew only those of which something was said since, or whose attempts the clock changes.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='instance_id',
    on_schema_change='fail',
    pre_hook="{{ begin_anew() }}",
    post_hook="{{ mark_built() }}"
) }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'quarantine') }}

with {% if is_incremental() and continues() -%}

asked as (

    select instance_id from {{ source('raw', 'backup_jobs') }}
    where ingest_seq > {{ mark() }}
    union
    select instance_id from state.replaced_backup_jobs
    where ingest_seq > {{ mark() }}
    union
    select jobs.instance_id
    from {{ source('raw', 'backup_jobs') }} as jobs
    semi join ({{ refusals_changed() }}) as changed using (source_id, attempt_key)
    union
    select instance_id from {{ this.include(database=false) }}
    where not is_settled

),

{{ recent_attempts(ref('int_attempts_kept'), of='asked') }},

{% else -%}

{{ recent_attempts(ref('int_attempts_kept')) }},

{% endif -%}

{{ judged_attempts('recent', 'recent') }},

attempts as (

    {{ attempts_in_question('judged') }}

),

{{ attempt_totals() }},

settled as (

    select
        instance_id,
        bool_and(
            {{ is_finished('state') }}
            and coalesce(finished_at <= {{ cbcr_now() }}, true)
            and {{ begun_at() }} <= {{ cbcr_now() }}
        ) as is_settled
    from recent
    where instance_id is not null
    group by instance_id

),

final as (

    select
        settled.instance_id,
        totals.* exclude (instance_id),
        settled.is_settled
    from settled
    left join totals using (instance_id)

)

select * from final
