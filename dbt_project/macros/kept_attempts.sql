{#- The small table of attempts that still matter, and what arrived since it was built. -#}

{#- CTEs up to `recent`: every attempt that is open, young, or the newest of its kind, as it is now.
    That is the table `kept` with what the raw rows above its mark say; all raw rows while there is
    no table for this moment. A success that the table relied on and that is no longer one sends its
    instance back to the raw rows. Those `of` the instances of a relation only, if so asked. -#}
{% macro recent_attempts(kept, model='int_attempts_kept', of=none) -%}
    {%- set inline = 'not materialized' -%}
    base as (

        select marks.ingest_seq, marks.built_at
        from state.build_marks as marks
        where
            marks.model = '{{ model }}'
            and not marks.replayed
            and marks.built_at <= {{ cbcr_now() }}
            and not exists (
                select 1 from {{ source('raw', 'instance_aliases') }} as aliases
                where aliases.ingest_seq > marks.ingest_seq
            )

    ),

    refused as (

        {{ refused('backup_jobs', ['source_id', 'attempt_key']) }}

    ),

    news as (

        select {{ attempt_columns('jobs.') }}, {{ kept_for('jobs.') }} as kept_for
        from {{ source('raw', 'backup_jobs') }} as jobs
        {% if of -%} semi join {{ of }} as asked_ using (instance_id) {%- endif %}
        anti join refused
            on
                jobs.source_id = refused.refused_source_id
                and jobs.attempt_key = refused.refused_attempt_key
        where jobs.ingest_seq > (select coalesce(max(base.ingest_seq), -1) from base)

    ),

    trusted as {{ inline }} (

        select kept.* from {{ kept }} as kept
        {% if of -%} semi join {{ of }} as asked_ using (instance_id) {%- endif %}
        where exists (select 1 from base)

    ),

    reread as (

        select trusted.kept_for
        from trusted
        inner join news using (source_id, attempt_key)
        where
            {{ is_success('trusted.state') }}
            and (
                not {{ is_success('news.state') }}
                or trusted.kept_for <> news.kept_for
                or trusted.started_at is distinct from news.started_at
                or trusted.finished_at is distinct from news.finished_at
                or trusted.duration_s is distinct from news.duration_s
                or trusted.backup_type is distinct from news.backup_type
                or trusted.native_instance is distinct from news.native_instance
            )
        union
        select trusted.kept_for
        from trusted
        semi join refused
            on
                trusted.source_id = refused.refused_source_id
                and trusted.attempt_key = refused.refused_attempt_key
        where {{ is_success('trusted.state') }}
        union
        select runs.instance_id as kept_for
        from {{ ref('stg_scheduled_runs') }} as runs
        cross join base
        where runs.ingest_seq > base.ingest_seq and runs.scheduled_at <= base.built_at

    ),

    told_again as (

        select {{ attempt_columns('jobs.') }}, {{ kept_for('jobs.') }} as kept_for
        from {{ source('raw', 'backup_jobs') }} as jobs
        semi join reread on {{ kept_for('jobs.') }} = reread.kept_for
        {% if of -%} semi join {{ of }} as asked_ using (instance_id) {%- endif %}
        anti join refused
            on
                jobs.source_id = refused.refused_source_id
                and jobs.attempt_key = refused.refused_attempt_key

    ),

    recent as {{ inline }} (

        select trusted.*
        from trusted
        anti join news using (source_id, attempt_key)
        anti join reread using (kept_for)
        anti join refused
            on
                trusted.source_id = refused.refused_source_id
                and trusted.attempt_key = refused.refused_attempt_key
        union all
        select news.* from news
        anti join reread using (kept_for)
        union all
        select * from told_again

    )
{%- endmacro %}

{#- CTE `kept`: the rows of CTE `{{ rows }}` that any later question about the present can need. -#}
{% macro select_kept(rows) -%}
    ended_successes as (

        select
            kept_for,
            native_instance,
            source_id,
            backup_type,
            {{ strength('backup_type') }} as strength,
            coalesce(started_at, finished_at, first_seen_at) as succeeded_at,
            finished_at,
            case when {{ tells_duration() }} then {{ end_and_duration() }} end as end_and_duration
        from {{ rows }}
        where
            {{ is_success('state') }}
            and {{ begun_at() }} <= {{ cbcr_now() }}
            and coalesce(finished_at, started_at, first_seen_at) <= {{ cbcr_now() }}

    ),

    healed as (

        select
            kept_for,
            max(succeeded_at) as by_any,
            max(succeeded_at) filter (strength >= 2) as by_diff,
            max(succeeded_at) filter (strength >= 3) as by_full,
            max(finished_at) as last_end
        from ended_successes
        group by kept_for

    ),

    newest_twenty as (

        select
            native_instance,
            source_id,
            backup_type,
            list_min(max(end_and_duration, 20)) as least_kept
        from ended_successes
        group by all

    ),

    horizons as (

        select
            instance_id as kept_for,
            {{ cbcr_now() }} - to_days({{ days_between_runs() }} + 1) as since
        from {{ ref('stg_instances') }}

    ),

    kept as (

        select rows_.*
        from {{ rows }} as rows_
        left join healed using (kept_for)
        left join newest_twenty
            on
                rows_.native_instance is not distinct from newest_twenty.native_instance
                and rows_.source_id = newest_twenty.source_id
                and rows_.backup_type is not distinct from newest_twenty.backup_type
        left join horizons using (kept_for)
        where
            -- young, or of the future
            coalesce({{ begun_at('rows_.') }}, {{ cbcr_now() }})
            >= coalesce(horizons.since, {{ cbcr_now() }} - interval 11 day)
            or rows_.finished_at > {{ cbcr_now() }}
            -- not lost yet, or not for long
            or (
                not {{ is_finished('rows_.state') }}
                and coalesce(rows_.started_at, rows_.first_seen_at)
                >= {{ cbcr_now() }} - to_seconds({{ lost_after_most_s() }} + 86400)
            )
            -- no success as strong began later
            or coalesce(rows_.started_at, rows_.finished_at, rows_.first_seen_at) >= coalesce(
                case {{ strength('rows_.backup_type') }}
                    when 1 then healed.by_any when 2 then healed.by_diff else healed.by_full
                end,
                timestamp '0001-01-01'
            )
            -- it says how long its kind takes, or when the last success ended
            or (
                {{ is_success('rows_.state') }}
                and (
                    {{ end_and_duration() }} >= newest_twenty.least_kept
                    or rows_.finished_at = healed.last_end
                )
            )

    )
{%- endmacro %}
