{#- How the backups of each instance go, kept as one row an instance: with many attempts a day even those of
    some days are too many to be looked through at every glance. Until something is said of it, the row
    of an instance changes with the clock only if an attempt of it runs or lies ahead. -#}

{#- CTEs up to `final`: the row of each instance of CTE `attempts` (see attempts_in_question). -#}
{% macro attempt_totals() -%}
    summaries as (

        select
            instance_id,
            max(started_at) as last_attempt_at,
            arg_max(state, (started_at, source_id, attempt_key)) filter (started_at is not null)
                as last_attempt_state,
            max(finished_at) filter ({{ is_success('state') }}) as last_success_at,
            arg_max(
                coalesce(duration_s, {{ seconds_between('started_at', 'finished_at') }}), finished_at
            ) filter ({{ is_success('state') }} and started_at is not null) as last_success_s,
            min(coalesce(started_at, first_seen_at)) filter (not {{ is_finished('state') }})
                as running_since,
            min(lost_at) filter (not {{ is_finished('state') }}) as lost_at
        from attempts
        group by instance_id

    ),

    {{ open_failures() }},

    failing_kinds as (

        select instance_id, backup_type, count(*) as failures
        from open_failures
        group by instance_id, backup_type

    ),

    failing as (

        select instance_id, max(failures) as consecutive_failures
        from failing_kinds
        group by instance_id

    ),

    totals as (

        select
            summaries.instance_id,
            summaries.last_attempt_at,
            summaries.last_attempt_state,
            summaries.last_success_at,
            summaries.last_success_s,
            coalesce(failing.consecutive_failures, 0) as consecutive_failures,
            summaries.running_since,
            summaries.lost_at
        from summaries
        left join failing using (instance_id)

    )
{%- endmacro %}

{#- CTEs up to `asked`: instances of which the kept rows do not tell any more. They tell only while they are
    younger than the attempts that they rest on: what those do not hold yet is news to both. -#}
{% macro outdated_totals(totals, kept) -%}
    totals_base as (

        select kept.ingest_seq
        from state.build_marks as kept
        inner join state.build_marks as told on kept.ingest_seq < told.ingest_seq
        where
            kept.model = 'int_attempts_kept'
            and told.model = 'int_attempt_totals'
            and not kept.replayed
            and not told.replayed
            and told.built_at <= {{ cbcr_now() }}
            and not exists (
                select 1 from {{ source('raw', 'instance_aliases') }} as aliases
                where aliases.ingest_seq > kept.ingest_seq
            )

    ),

    asked as (

        select instance_id from {{ source('raw', 'backup_jobs') }}
        where ingest_seq > (select coalesce(max(totals_base.ingest_seq), -1) from totals_base)
        union
        select instance_id from state.replaced_backup_jobs
        where ingest_seq > (select coalesce(max(totals_base.ingest_seq), -1) from totals_base)
        union
        select kept.instance_id
        from {{ kept }} as kept
        semi join ({{ refused('backup_jobs', ['source_id', 'attempt_key']) }}) as refused_
            on
                kept.source_id = refused_.refused_source_id
                and kept.attempt_key = refused_.refused_attempt_key
        union
        select instance_id from {{ totals }}
        where not is_settled

    )
{%- endmacro %}
