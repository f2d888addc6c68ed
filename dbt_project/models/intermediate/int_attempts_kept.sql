-- The attempts that a question about the present can need: young ones, open failures, what never
-- ended, the newest successes. A few dozen rows an instance however long its history is; whoever
-- reads it takes int_attempts_recent, which adds what arrived since. An instance that somebody
-- spoke of is said anew from what is kept and what is new.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='kept_for',
    on_schema_change='fail',
    pre_hook="{{ begin_anew() }}",
    post_hook="{{ mark_built() }}"
) }}
-- depends_on: {{ ref('stg_scheduled_runs') }}
-- depends_on: {{ source('raw', 'instance_aliases') }}
-- depends_on: {{ source('raw', 'quarantine') }}

{% if is_incremental() and continues() -%}

with {{ recent_attempts(this.include(database=false)) }},

touched as (

    select kept_for from news
    union
    select kept_for from reread
    -- a row may have left its instance
    union
    select trusted.kept_for from trusted semi join news using (source_id, attempt_key)

),

told as (

    select * from recent semi join touched using (kept_for)

),

{% else -%}

with told as (

    select {{ attempt_columns() }}, {{ kept_for() }} as kept_for
    from {{ ref('stg_backup_jobs') }}

),

{% endif -%}

{{ select_kept('told') }},

final as (

    select * from kept

)

select * from final
