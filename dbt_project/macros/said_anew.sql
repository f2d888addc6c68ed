{#- What the incremental marts of attempts and runs say anew: what arrived, what the clock may have
    changed since the build before, and what rests on a promise that was changed. -#}

{#- An hour before the build before: whatever was settled then stays settled. -#}
{% macro settled_until() -%}
    (
        select max(built_at) - interval 1 hour from state.build_marks
        where model = '{{ this.name }}'
    )
{%- endmacro %}

{#- May a mart of runs keep what it holds? Not when sources came, went or changed: who is blind may
    have changed for all of the past. -#}
{% macro continues_runs() -%}
    {%- if not continues() -%}
        {%- do return(false) -%}
    {%- endif -%}
    {%- set steady -%}
        select not exists (
            select 1 from raw.sources
            where
                ingest_seq > {{ mark() }}
                or retired_at between {{ settled_until() }} and {{ cbcr_now() }}
        )
    {%- endset -%}
    {%- do return(run_query(steady).columns[0].values()[0]) -%}
{%- endmacro %}

{% macro begin_runs_anew() -%}
    {%- if is_incremental() and not continues_runs() -%}
        delete from {{ this.include(database=false) }}
    {%- endif -%}
{%- endmacro %}

{#- Keys whose place in quarantine changed: refused, released, or both. -#}
{% macro refusals_changed() -%}
    select distinct
        try_cast(native_id as json) ->> '$[0]' as source_id,
        try_cast(native_id as json) ->> '$[1]' as attempt_key
    from {{ source('raw', 'quarantine') }}
    where table_name = 'backup_jobs' and ingest_seq > {{ mark() }}
{%- endmacro %}

{#- CTEs up to `promises_changed`: instances whose promises or schedule changed, `since` the run before
    the first that is new; NULL is all of time. -#}
{% macro promises_changed() -%}
    new_runs as (

        select instance_id, backup_type, min(scheduled_at) as first_at
        from {{ ref('stg_scheduled_runs') }}
        where ingest_seq > {{ mark() }}
        group by all

    ),

    runs_before as (

        select new_runs.instance_id, max(runs.scheduled_at) as since
        from new_runs
        inner join {{ ref('stg_scheduled_runs') }} as runs
            on
                new_runs.instance_id = runs.instance_id
                and new_runs.backup_type = runs.backup_type
                and new_runs.first_at > runs.scheduled_at
        group by new_runs.instance_id, new_runs.backup_type

    ),

    promises_changed as (

        select instance_id, null::timestamp as since from {{ ref('stg_instances') }}
        where ingest_seq > {{ mark() }}
        union all
        select instance_id, first_at from new_runs
        where first_at <= {{ cbcr_now() }}
        union all
        select instance_id, since from runs_before
        where since <= {{ cbcr_now() }}

    )
{%- endmacro %}

{#- Attempts that the clock may have changed since the build before: they ran then, became lost, began
    only now, or a run came due for which they were early. -#}
{% macro unsettled_attempts() -%}
    select recent.*
    from {{ ref('int_attempts_recent') }} as recent
    where
        (
            recent.lost_at is not null
            and coalesce(recent.started_at, recent.first_seen_at)
            > {{ settled_until() }} - to_seconds({{ lost_after_most_s() }})
        )
        or {{ begun_at('recent.') }} > {{ settled_until() }} - interval 5 minute
        or recent.started_at > {{ settled_until() }} - interval 5 minute
        or recent.finished_at > {{ settled_until() }}
{%- endmacro %}

{#- Forget what was remembered of replaced rows once every model that asks has read it. -#}
{% macro forget_replaced() -%}
    {%- set readers = [
        'fct_backup_attempts', 'fct_backup_success_daily', 'int_attempt_totals', 'int_series_anew',
        'fct_rpo_violations'
    ] -%}
    delete from state.replaced_backup_jobs
    where ingest_seq <= (
        select case when count(*) = {{ readers | length }} then min(ingest_seq) end
        from state.build_marks
        where model in ('{{ readers | join("', '") }}')
    )
{%- endmacro %}

{#- Pre-hooks of fct_backup_attempts: find what is said anew, then take back what was said of it. -#}
{% macro find_attempts_anew() -%}
    {%- if is_incremental() and continues() -%}
        create or replace temp table attempts_unsettled as
        {{ unsettled_attempts() }};
        create or replace temp table attempts_promises as
        with {{ promises_changed() }}

        select instance_id, min(coalesce(since, timestamp '0001-01-01')) - interval 5 minute as since
        from promises_changed
        group by instance_id;
        -- By itself: together with what arrived, all of history would be read for both.
        create or replace temp table attempts_promised as
        select {{ attempt_columns('jobs.') }}
        from {{ ref('stg_backup_jobs') }} as jobs
        inner join attempts_promises using (instance_id)
        where jobs.started_at >= attempts_promises.since and jobs.ingest_seq <= {{ mark() }}
    {%- endif -%}
{%- endmacro %}

{% macro take_back_attempts() -%}
    {%- if is_incremental() and continues() -%}
        delete from {{ this.include(database=false) }} as said
        using state.replaced_backup_jobs as replaced
        where
            said.ingest_seq = replaced.replaced_seq
            and said.source_id = replaced.source_id
            and said.attempt_key = replaced.attempt_key
            and replaced.ingest_seq > {{ mark() }};
        delete from {{ this.include(database=false) }} as said
        using attempts_unsettled as unsettled
        where
            said.ingest_seq = unsettled.ingest_seq
            and said.source_id = unsettled.source_id
            and said.attempt_key = unsettled.attempt_key;
        delete from {{ this.include(database=false) }} as said
        using ({{ refusals_changed() }}) as changed
        where said.source_id = changed.source_id and said.attempt_key = changed.attempt_key;
        delete from {{ this.include(database=false) }} as said
        using attempts_promises as promises
        where
            said.instance_id = promises.instance_id
            and said.started_at >= promises.since
    {%- endif -%}
{%- endmacro %}
