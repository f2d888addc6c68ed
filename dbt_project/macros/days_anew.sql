{#- The days that fct_backup_success_daily says anew. -#}

{#- CTEs up to `touched`: instances and the earliest moment from which something of them changed since
    the build before, by the strength of what changed: an attempt answers for runs no stronger than
    itself, a run that came due (0) for no other. -#}
{% macro runs_touched() -%}
    {{ promises_changed() }},

    unsettled as (

        {{ unsettled_attempts() }}

    ),

    -- Refused or released: where the row is in time does not depend on whether it counts.
    refused_or_not as (

        {{ refusals_changed() }}

    ),

    doubted as (

        select instance_id, min(day)::timestamp as since
        from {{ this.include(database=false) }}
        where unknown > 0
        group by instance_id

    ),

    seen as (

        select * from {{ ref('int_instance_sources') }}

    ),

    moments as (

        select instance_id, 3 as strength, coalesce(since, timestamp '0001-01-01') as moment
        from promises_changed
        union all
        select instance_id, {{ strength('backup_type') }}, started_at from {{ ref('stg_backup_jobs') }}
        where ingest_seq > {{ mark() }}
        union all
        select instance_id, 3, started_at from state.replaced_backup_jobs
        where ingest_seq > {{ mark() }}
        union all
        select jobs.instance_id, {{ strength('jobs.backup_type') }}, jobs.started_at
        from {{ source('raw', 'backup_jobs') }} as jobs
        semi join refused_or_not using (source_id, attempt_key)
        union all
        select instance_id, {{ strength('backup_type') }}, started_at from unsettled
        union all
        -- It was waited for, or has come due.
        select instance_id, 0, scheduled_at from {{ ref('stg_scheduled_runs') }}
        where due_at >= {{ settled_until() }} and scheduled_at <= {{ cbcr_now() }}
        union all
        -- We could not see it, and perhaps can now.
        select doubted.instance_id, 0, doubted.since
        from doubted
        left join seen using (instance_id)
        where not coalesce(seen.sources_stale, true) or seen.last_ok_at >= doubted.since
        union all
        -- We took its silence for an answer, and are blind now.
        select runs.instance_id, 0, runs.scheduled_at
        from {{ ref('stg_scheduled_runs') }} as runs
        inner join seen using (instance_id)
        where
            seen.sources_stale
            and seen.stale_at >= {{ settled_until() }}
            and runs.due_at > seen.last_ok_at
            and runs.scheduled_at <= {{ cbcr_now() }}
        union all
        select instance_id, 0, timestamp '0001-01-01' from {{ ref('int_sources_spoken') }}
        where ingest_seq > {{ mark() }}

    ),

    touched as (

        select instance_id, strength, min(moment) as moment
        from moments
        where instance_id is not null and moment is not null
        group by instance_id, strength

    )
{%- endmacro %}

{#- Pre-hook: the touched instances, each with the day of the run that its earliest change falls into. -#}
{% macro find_days_anew() -%}
    {%- if is_incremental() and continues_runs() -%}
        create or replace temp table runs_touched as
        with {{ runs_touched() }}

        select * from touched;
        create or replace temp table days_anew as
        with earliest as (

            select instance_id, min(moment) as since
            from runs_touched
            group by instance_id

        ),

        {{ runs_since('earliest') }},

        {{ due_runs('asked') }},

        kinds as (

            select distinct instance_id, backup_type from due

        ),

        reached as (

            select
                kinds.instance_id,
                kinds.backup_type,
                runs_touched.moment + interval 5 minute as reaches_at
            from kinds
            inner join runs_touched
                on
                    kinds.instance_id = runs_touched.instance_id
                    and {{ strength('kinds.backup_type') }} <= runs_touched.strength

        ),

        begun as (

            select reached.instance_id, min(due.scheduled_at) as moment
            from reached
            asof inner join due
                on
                    reached.instance_id = due.instance_id
                    and reached.backup_type = due.backup_type
                    and reached.reaches_at >= due.scheduled_at
            group by reached.instance_id

        )

        select earliest.instance_id, least(earliest.since, begun.moment)::date as day
        from earliest
        left join begun using (instance_id)
    {%- endif -%}
{%- endmacro %}

{% macro take_back_days() -%}
    {%- if is_incremental() and continues_runs() -%}
        delete from {{ this.include(database=false) }} as said
        using days_anew as anew
        where
            said.instance_id = anew.instance_id
            and said.day >= anew.day
            and said.day >= (select min(earliest.day) from days_anew as earliest)
    {%- endif -%}
{%- endmacro %}
