{#- Which sets a build judges anew: those of which something new was said, and what rests on them. A chain
    is judged from there on; what it rests on is known. -#}

{#- Whether two relations speak of one set. -#}
{% macro is_same_set(one, other, label='label') -%}
    {{ one }}.instance_id = {{ other }}.instance_id
    and {{ one }}.source_id = {{ other }}.source_id
    and {{ one }}.repo is not distinct from {{ other }}.repo
    and {{ one }}.label = {{ other }}.{{ label }}
{%- endmacro %}

{#- What is said of a set besides its facts. -#}
{% macro judgement_columns() -%}
    usable_from, usable_until, restated_until, unusable_reason, chain_root_label, chain_length
{%- endmacro %}

{#- CTEs up to `known`: what is kept of the instances of a relation; of those for which `reopened` holds
    what is closed as well. Only the latter is written out: it is looked for in all of history. -#}
{% macro known_sets(instances, reopened) -%}
    known_closed as materialized (

        select *, true as was_closed from intermediate.int_closed_sets
        semi join (select instance_id from {{ instances }} where {{ reopened }}) using (instance_id)

    ),

    known as not materialized (

        select *, false as was_closed from intermediate.int_open_sets
        semi join {{ instances }} using (instance_id)
        union all by name
        select * from known_closed

    )
{%- endmacro %}

{#- CTEs up to `told`: sets that the catalog, the contract or a failed run speaks of, out of `news`,
    `touched` (see touched_sets) and `labels` (instance_id, backup_label). `known` is what is kept of
    touched instances; closed sets are looked at only where a chain is reopened. -#}
{% macro told_sets(since) -%}
    {{ known_sets('touched', 'is_reopened') }},

    judged_ as (

        {{ judged('backup_sets', ['source_id', 'repo', 'label'], since) }}

    ),

    refused_or_not as (

        select sets.instance_id, sets.source_id, sets.repo, sets.label, sets.parent_label
        from {{ source('raw', 'backup_sets') }} as sets
        inner join judged_
            on
                sets.source_id = judged_.refused_source_id
                and sets.repo = judged_.refused_repo
                and sets.label = judged_.refused_label
        where sets.instance_id is not null

    ),

    -- Whatever they say of it: it is judged anew.
    doubted as (

        select * exclude (parent_label) from refused_or_not
        union
        select known.instance_id, known.source_id, known.repo, known.label
        from known
        inner join labels
            on known.instance_id = labels.instance_id and known.label = labels.backup_label
        union
        select known.instance_id, known.source_id, known.repo, known.label
        from known
        inner join labels
            on
                known.instance_id = labels.instance_id
                and left(known.label, 8) = left(labels.backup_label, 8)
        where length(known.label) = 64 and starts_with(known.label, labels.backup_label)

    ),

    facts_now as (

        {{ set_facts('news') }}

    ),

    -- Who tells the same again, or what does not matter here, brings no news.
    told as (

        select facts_now.instance_id, facts_now.source_id, facts_now.repo, facts_now.label
        from facts_now
        left join known on {{ is_same_set('facts_now', 'known') }}
        where
            known.label is null
            or known.parent_label is distinct from facts_now.parent_label
            or known.backup_type is distinct from facts_now.backup_type
            or known.started_at is distinct from facts_now.started_at
            or known.finished_at is distinct from facts_now.finished_at
            or known.recovery_point_at is distinct from facts_now.recovery_point_at
            or known.gone_at is distinct from facts_now.gone_at
            or known.corrupt_at is distinct from facts_now.corrupt_at
            or known.source_bytes is distinct from facts_now.source_bytes
            or known.repo_bytes is distinct from facts_now.repo_bytes
            or known.integrity is distinct from facts_now.integrity
            or known.native_instance is distinct from facts_now.native_instance
        union
        select * from doubted

    )
{%- endmacro %}

{#- CTEs up to `anew`: what is told, and all that rests on it. Only chains that are spoken of, and sets
    whose parent was not known, can. Of a closed chain all comes back, for a chain is open as a whole. -#}
{% macro sets_anew() -%}
    parents as (

        select told.instance_id, told.source_id, told.repo, news.parent_label as label
        from told
        inner join news on {{ is_same_set('told', 'news') }}
        where news.parent_label is not null
        union
        select instance_id, source_id, repo, parent_label from refused_or_not
        where parent_label is not null

    ),

    spoken_chains as (

        select distinct
            known.instance_id,
            known.source_id,
            known.repo,
            known.was_closed,
            {{ chain_of('known') }} as chain
        from known
        semi join told on {{ is_same_set('known', 'told') }}
        union
        select known.instance_id, known.source_id, known.repo, true, {{ chain_of('known') }}
        from known_closed as known
        semi join parents on {{ is_same_set('known', 'parents') }}

    ),

    resting as materialized (

        select instance_id, source_id, repo, label, parent_label, was_closed, chain_root_label
        from known
        where unusable_reason = 'parent_missing' and parent_label is not null
        union
        select
            known.instance_id,
            known.source_id,
            known.repo,
            known.label,
            known.parent_label,
            known.was_closed,
            known.chain_root_label
        from known
        semi join spoken_chains on {{ is_of_chain('known', 'spoken_chains') }}

    ),

    anew as (

        with recursive reached as (

            select * from told
            union
            select resting.instance_id, resting.source_id, resting.repo, resting.label
            from reached
            inner join resting on {{ is_same_set('reached', 'resting', label='parent_label') }}

        )

        select * from reached

    ),

    brought_back as (

        select instance_id, source_id, repo, label from resting
        where was_closed and chain_root_label is not null
        union
        select anew.* from anew

    )
{%- endmacro %}
