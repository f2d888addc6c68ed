{#- What a backup set says of itself, from the rows of a raw relation. -#}
{% macro set_facts(sets) -%}
    select
        instance_id,
        native_instance,
        source_id,
        repo,
        label,
        parent_label,
        backup_type,
        started_at,
        coalesce(finished_at, first_seen_at) as finished_at,
        coalesce(recovery_point_at, started_at) as recovery_point_at,
        -- least() ignores null: whichever came first, what happened or what was planned.
        least(
            case
                when lifecycle in ('expired', 'purged')
                    then coalesce(unusable_from, last_seen_at, finished_at)
            end,
            expires_at
        ) as gone_at,
        case
            when integrity = 'corrupt' or lifecycle = 'corrupt'
                then coalesce(unusable_from, finished_at, first_seen_at)
        end as corrupt_at,
        source_bytes,
        repo_bytes,
        integrity
    from {{ sets }}
    where instance_id is not null
{%- endmacro %}

{#- A backup can be used from its own end and that of all it depends on, until the first of them is
    gone. Walking from the roots, so a cycle of parents is never reached and never usable.
    `facts` is a relation of `set_facts`, `spoilt` one of (instance_id, backup_label): what a failed
    run left behind. Tools may name a set by the first characters of its long id. -#}
{% macro walk_chains(facts, spoilt) -%}
    with recursive damned as (

        select facts.source_id, facts.repo, facts.label
        from {{ facts }} as facts
        inner join {{ spoilt }} as spoilt
            on facts.instance_id = spoilt.instance_id and facts.label = spoilt.backup_label
        union
        select facts.source_id, facts.repo, facts.label
        from {{ facts }} as facts
        inner join {{ spoilt }} as spoilt
            on
                facts.instance_id = spoilt.instance_id
                and left(facts.label, 8) = left(spoilt.backup_label, 8)
        where
            length(facts.label) = 64
            and length(spoilt.backup_label) >= 8
            and starts_with(facts.label, spoilt.backup_label)

    ),

    nodes as materialized (

        select
            facts.*,
            row_number() over () as node,
            case
                when damned.label is not null then finished_at
                else least(gone_at, corrupt_at)
            end as until_at,
            -- In hindsight: what was found corrupt never was good, and nobody knew.
            case
                when damned.label is not null or corrupt_at is not null then finished_at
                else gone_at
            end as restated_until_at,
            case
                when damned.label is not null then 'failed_run'
                when corrupt_at is not null and corrupt_at <= coalesce(gone_at, corrupt_at)
                    then 'corrupt'
                when gone_at is not null then 'expired'
            end as until_reason,
            parent_label is null and coalesce(backup_type, 'full') not in ('incr', 'diff')
                as is_root
        from {{ facts }} as facts
        left join damned
            on
                facts.source_id = damned.source_id
                and facts.repo is not distinct from damned.repo
                and facts.label = damned.label

    ),

    -- Names are compared once: the walk itself goes over numbers, and over what it needs only.
    links as materialized (

        select
            nodes.node,
            parents.node as parent,
            nodes.finished_at,
            nodes.until_at,
            nodes.restated_until_at,
            nodes.until_reason
        from nodes
        inner join nodes as parents
            on
                nodes.instance_id = parents.instance_id
                and nodes.source_id = parents.source_id
                and nodes.repo is not distinct from parents.repo
                and nodes.parent_label = parents.label
        where not nodes.is_root

    ),

    chains as (

        select
            node,
            node as root,
            1 as chain_length,
            finished_at as usable_from,
            until_at as usable_until,
            restated_until_at as restated_until,
            until_reason as unusable_reason
        from nodes
        where is_root

        union all

        select
            links.node,
            chains.root,
            chains.chain_length + 1 as chain_length,
            greatest(links.finished_at, chains.usable_from) as usable_from,
            least(links.until_at, chains.usable_until) as usable_until,
            least(links.restated_until_at, chains.restated_until) as restated_until,
            case
                when links.until_at is not null
                    and links.until_at <= coalesce(chains.usable_until, links.until_at)
                    then links.until_reason
                when chains.usable_until is not null
                    then 'parent_' || replace(chains.unusable_reason, 'parent_', '')
            end as unusable_reason
        from links
        inner join chains on links.parent = chains.node

    )

    select
        nodes.* exclude (node, until_at, restated_until_at, until_reason, is_root),
        case when chains.node is null then nodes.finished_at else chains.usable_from end
            as usable_from,
        case when chains.node is null then nodes.finished_at else chains.usable_until end
            as usable_until,
        case when chains.node is null then nodes.finished_at else chains.restated_until end
            as restated_until,
        case when chains.node is null then 'parent_missing' else chains.unusable_reason end
            as unusable_reason,
        roots.label as chain_root_label,
        coalesce(chains.chain_length, 1) as chain_length
    from nodes
    left join chains on nodes.node = chains.node
    left join nodes as roots on chains.root = roots.node
{%- endmacro %}

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
