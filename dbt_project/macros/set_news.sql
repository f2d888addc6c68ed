{#- Labels of backups that an attempt failed to make, and whether another attempt made them after all: what
    is `known`, brought up to date with the attempts above a mark. A success counts if it began at most a
    day before the failure: both then tell of one run. -#}
{% macro failed_labels(known, since) -%}
    with news as (

        select
            instance_id,
            backup_label,
            state,
            coalesce(started_at, first_seen_at) as began_at,
            ingest_seq
        from {{ ref('stg_backup_jobs') }}
        where backup_label is not null and instance_id is not null and ingest_seq > {{ since }}

    ),

    candidates as (

        select instance_id, backup_label, min(failed_at) as failed_at
        from (
            select instance_id, backup_label, began_at as failed_at from news
            where state in ('failed', 'cancelled')
            {% if known %}
                union all
                select known.instance_id, known.backup_label, known.failed_at
                from {{ known }} as known
                semi join news using (instance_id, backup_label)
            {% endif %}
        )
        group by all

    ),

    answered as (

        select distinct candidates.instance_id, candidates.backup_label
        from {{ ref('stg_backup_jobs') }} as attempts
        inner join candidates using (instance_id, backup_label)
        where
            {{ is_success('attempts.state') }}
            and coalesce(attempts.started_at, attempts.first_seen_at)
            >= candidates.failed_at - interval 1 day

    )

    select
        candidates.instance_id,
        candidates.backup_label,
        candidates.failed_at,
        answered.backup_label is not null as has_success,
        -- Says when it was judged: the sets of this label are judged anew after that.
        (select max(ingest_seq) from news) as ingest_seq
    from candidates
    left join answered using (instance_id, backup_label)
{%- endmacro %}

{#- A set that cannot be used any more is at hand for this long after it went. -#}
{% macro open_for() -%}
    interval 8 day
{%- endmacro %}

{#- CTEs up to `touched`, out of `failed_labels` and a relation of open sets: whose sets are judged anew
    since a mark. Closed sets are not at hand: news of what was closed, of what rests on it, or of what the
    contract refused or let go, takes the instance's whole history (is_reopened). What is large is named
    where it is read, never as a CTE, which would be written out before it is filtered. -#}
{% macro touched_sets(open_sets, since, built_at) -%}
    news as (

        select * from {{ ref('stg_backup_sets') }}
        where instance_id is not null and ingest_seq > {{ since }}

    ),

    reopened as (

        select news.instance_id
        from news
        anti join {{ open_sets }} as known
            on
                news.source_id = known.source_id
                and news.repo is not distinct from known.repo
                and news.label = known.label
        where coalesce(news.finished_at, news.first_seen_at) < {{ built_at }} - {{ open_for() }}
        union
        select news.instance_id
        from news
        anti join {{ open_sets }} as parents
            on
                news.source_id = parents.source_id
                and news.repo is not distinct from parents.repo
                and news.parent_label = parents.label
        anti join news as new_parents
            on
                news.source_id = new_parents.source_id
                and news.repo is not distinct from new_parents.repo
                and news.parent_label = new_parents.label
        where news.parent_label is not null
        union
        select sets.instance_id
        from {{ source('raw', 'backup_sets') }} as sets
        inner join ({{ judged('backup_sets', ['source_id', 'repo', 'label'], since) }}) as refused_
            on
                sets.source_id = refused_.refused_source_id
                and sets.repo = refused_.refused_repo
                and sets.label = refused_.refused_label
        where sets.instance_id is not null
        union
        select instance_id from {{ ref('stg_instances') }}
        where
            {{ cbcr_now() }} < {{ built_at }}
            or exists (
                select 1 from {{ source('raw', 'instance_aliases') }}
                where ingest_seq > {{ since }}
            )

    ),

    touched as (

        select instance_id, bool_or(is_reopened) as is_reopened
        from (
            select instance_id, false as is_reopened from news
            union all
            select instance_id, failed_at < {{ built_at }} - {{ open_for() }} as is_reopened
            from failed_labels
            where ingest_seq > {{ since }}
            union all
            select instance_id, true as is_reopened from reopened
        )
        group by instance_id

    )
{%- endmacro %}

{#- The facts of the sets of `touched` instances, out of open sets, news of the catalog, and all of it. -#}
{% macro facts_of_touched(open_sets, news) -%}
    with heard as (

        select news.*
        from {{ news }} as news
        semi join (select instance_id from touched where not is_reopened) using (instance_id)
        union all
        {{ accepted(
            'backup_sets', ['source_id', 'repo', 'label'],
            of='(select instance_id from touched where is_reopened)'
        ) }}

    )

    select known.* exclude (
        usable_from, usable_until, restated_until, unusable_reason, chain_root_label, chain_length,
        is_in_sight
    )
    from {{ open_sets }} as known
    semi join (select instance_id from touched where not is_reopened) using (instance_id)
    anti join heard
        on
            known.source_id = heard.source_id
            and known.repo is not distinct from heard.repo
            and known.label = heard.label
    union all by name
    ({{ set_facts('heard') }})
{%- endmacro %}
