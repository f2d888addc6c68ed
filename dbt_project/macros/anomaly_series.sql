{#- The state of each series of backups: what the incremental models of odd backups keep and say anew. -#}

{#- CTEs up to `norms`: of each series in CTE `judged` the newest row, and what the next is held to. -#}
{% macro series_norms() -%}
    numbered as (

        select
            *,
            row_number() over (
                partition by {{ series_key() }} order by started_at desc, native_key desc
            ) as back,
            row_number() over (
                partition by {{ series_key() }}, weekday order by started_at desc, native_key desc
            ) as back_on_weekday
        from judged

    ),

    next_effects as (

        select
            {{ series_key() }},
            weekday,
            case when count(deviation) >= 4 then median(deviation) else 0 end as effect
        from numbered
        where back_on_weekday <= 8
        group by all

    ),

    weeks as (

        select {{ series_key() }}, map(list(weekday order by weekday), list(effect order by weekday)) as effects
        from next_effects
        group by all

    ),

    next_forecasts as (

        select
            {{ series_key() }},
            count(*) as runs,
            count(x) filter (back <= 10) as next_told,
            median(x) filter (back <= 10) as next_level,
            {{ forecast_spread('median(abs(error)) filter (back <= 56)', 'count(error) filter (back <= 56)') }}
                as next_spread,
            count(error) filter (back <= 56) as next_known,
            arg_min(case when {{ is_whole('backup_type') }} then value else last_whole end, back)
                as next_last_whole
        from numbered
        group by all

    ),

    norms as (

        select
            {{ series_key('newest.') }},
            newest.native_key,
            newest.label,
            newest.started_at,
            newest.value,
            newest.expected,
            newest.ratio,
            newest.z,
            newest.kind,
            newest.event_started_at,
            newest.event_runs,
            next_forecasts.runs,
            case when next_forecasts.next_told >= 3 then next_forecasts.next_level end as next_level,
            next_forecasts.next_told,
            next_forecasts.next_spread,
            next_forecasts.next_known,
            next_forecasts.next_last_whole,
            weeks.effects
        from numbered as newest
        inner join next_forecasts using ({{ series_key() }})
        inner join weeks using ({{ series_key() }})
        where newest.back = 1

    )
{%- endmacro %}

{#- Pre-hook: whose series are said anew, and what was said of them is taken back. -#}
{% macro begin_series_anew() -%}
    {%- if is_incremental() and continues() -%}
        create or replace temp table series_touched as
        select instance_id from {{ source('raw', 'backup_jobs') }} where ingest_seq > {{ mark() }}
        union
        select instance_id from {{ source('raw', 'backup_sets') }} where ingest_seq > {{ mark() }}
        union
        select replaced.instance_id from state.replaced_backup_jobs as replaced
        where replaced.ingest_seq > {{ mark() }}
        union
        select jobs.instance_id from {{ source('raw', 'backup_jobs') }} as jobs
        semi join ({{ judged('backup_jobs', ['source_id', 'attempt_key'], mark()) }}) as judged_
            on
                jobs.source_id = judged_.refused_source_id
                and jobs.attempt_key = judged_.refused_attempt_key
        union
        select sets.instance_id from {{ source('raw', 'backup_sets') }} as sets
        semi join ({{ judged('backup_sets', ['source_id', 'repo', 'label'], mark()) }}) as judged_
            on
                sets.source_id = judged_.refused_source_id
                and sets.repo = judged_.refused_repo
                and sets.label = judged_.refused_label;
        delete from {{ this.include(database=false) }}
        where instance_id in (select instance_id from series_touched)
    {%- endif -%}
{%- endmacro %}

{#- CTEs `jobs` and `sets`: the raw rows of what is said anew; all of them in a full refresh. -#}
{% macro series_sources() -%}
    {%- set anew = is_incremental() and continues() -%}
    {%- set of = 'series_touched' if anew else none -%}
    jobs as (

        {{ accepted('backup_jobs', ['source_id', 'attempt_key'], of=of) }}

    ),

    sets as (

        {{ accepted('backup_sets', ['source_id', 'repo', 'label'], of=of) }}

    )
{%- endmacro %}
