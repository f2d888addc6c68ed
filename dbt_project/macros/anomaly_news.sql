{#- What became of the measures of backups since the last build, and whose past it changes. -#}

{#- CTEs up to `come` and `lost`: measures that are new since a mark, and those that are told no more.
    What replaced rows said is remembered, so that a backup that is merely told again is no news. What
    had not ended by the last build was not judged by it. -#}
{% macro measures_changed(since, built_at) -%}
    news_jobs as (

        select * from {{ ref('stg_backup_jobs') }} where ingest_seq > {{ since }}
        union all
        select * from {{ ref('stg_backup_jobs') }}
        where ingest_seq <= {{ since }} and finished_at > {{ built_at }}
        union all
        select * from {{ ref('stg_backup_jobs') }}
        where ingest_seq <= {{ since }} and finished_at is null and started_at > {{ built_at }}

    ),

    news_sets as (

        select * from {{ ref('stg_backup_sets') }} where ingest_seq > {{ since }}
        union all
        select * from {{ ref('stg_backup_sets') }}
        where ingest_seq <= {{ since }} and finished_at > {{ built_at }}

    ),

    replaced_jobs as (

        select * from state.replaced_backup_jobs
        where ingest_seq > {{ since }} and replaced_seq <= {{ since }}

    ),

    replaced_sets as (

        select * from state.replaced_backup_sets
        where ingest_seq > {{ since }} and replaced_seq <= {{ since }}

    ),

    {{ measured_backups('news_jobs', 'news_sets', prefix='now_') }},

    {{ measured_backups('replaced_jobs', 'replaced_sets', prefix='then_', now=built_at) }},

    come as (

        select * from now_measured
        except all
        select * from then_measured

    ),

    lost as (

        select * from then_measured
        except all
        select * from now_measured

    )
{%- endmacro %}

{#- CTEs up to `late` and `fresh`: instances whose past is not what it was, and the measures that follow on
    what their series told. A series that tells very much at once is judged as a whole, too. -#}
{% macro late_and_fresh(since) -%}
    numbered as (

        select
            come.*,
            row_number() over (
                partition by {{ series_key() }} order by started_at, native_key
            ) as step
        from come

    ),

    late as (

        select instance_id from lost
        union
        select instance_id from numbered where step > 64
        union
        select numbered.instance_id
        from numbered
        inner join intermediate.int_backup_norms as kept
            on {{ is_same_series('numbered', 'kept') }}
        where (numbered.started_at, numbered.native_key) <= (kept.started_at, kept.native_key)
        union
        -- What leapt since then was compared with an older whole backup than this one.
        select numbered.instance_id
        from numbered
        inner join intermediate.int_backup_norms as kept
            on
                numbered.instance_id = kept.instance_id
                and numbered.source_id = kept.source_id
                and numbered.told_by = kept.told_by
                and numbered.repo = kept.repo
                and numbered.measure = kept.measure
        where {{ is_whole('numbered.backup_type') }} and numbered.started_at <= kept.leapt_at
        union
        select jobs.instance_id from {{ source('raw', 'backup_jobs') }} as jobs
        semi join ({{ judged('backup_jobs', ['source_id', 'attempt_key'], since) }}) as judged_
            on
                jobs.source_id = judged_.refused_source_id
                and jobs.attempt_key = judged_.refused_attempt_key
        union
        select sets.instance_id from {{ source('raw', 'backup_sets') }} as sets
        semi join ({{ judged('backup_sets', ['source_id', 'repo', 'label'], since) }}) as judged_
            on
                sets.source_id = judged_.refused_source_id
                and sets.repo = judged_.refused_repo
                and sets.label = judged_.refused_label
        union
        -- What was remembered of it before a migration does not say how it ended.
        select instance_id from replaced_jobs where state is null

    ),

    fresh as (

        select * from numbered anti join late using (instance_id)

    )
{%- endmacro %}

{#- Forget what was remembered of replaced sets, once it is read. -#}
{% macro forget_replaced_sets() -%}
    delete from state.replaced_backup_sets where ingest_seq <= {{ mark() }}
{%- endmacro %}
