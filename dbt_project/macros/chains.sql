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

{#- Columns of a set `link` that rests on what is said of `parent`. -#}
{% macro next_link(link, parent) -%}
            {{ parent }}.chain_length + 1 as chain_length,
            greatest({{ link }}.finished_at, {{ parent }}.usable_from) as usable_from,
            least({{ link }}.until_at, {{ parent }}.usable_until) as usable_until,
            least({{ link }}.restated_until_at, {{ parent }}.restated_until) as restated_until,
            case
                when {{ link }}.until_at is not null
                    and {{ link }}.until_at <= coalesce({{ parent }}.usable_until, {{ link }}.until_at)
                    then {{ link }}.until_reason
                when {{ parent }}.usable_until is not null
                    then 'parent_' || replace({{ parent }}.unusable_reason, 'parent_', '')
            end as unusable_reason
{%- endmacro %}

{#- A backup can be used from its own end and that of all it depends on, until the first of them is
    gone. Walking from the roots, so a cycle of parents is never reached and never usable.
    `facts` is a relation of `set_facts`, `spoilt` one of (instance_id, backup_label): what a failed
    run left behind. Tools may name a set by the first characters of its long id. `judged` has sets that
    others of `facts` may rest on, with what was said of them: they are not judged anew. -#}
{% macro walk_chains(facts, spoilt, judged=none) -%}
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
            null::varchar as root_label,
            1 as chain_length,
            finished_at as usable_from,
            until_at as usable_until,
            restated_until_at as restated_until,
            until_reason as unusable_reason
        from nodes
        where is_root

        union all

        {% if judged -%}
        select
            nodes.node,
            null as root,
            parents.chain_root_label as root_label,
            {{ next_link('nodes', 'parents') }}
        from nodes
        inner join {{ judged }} as parents
            on
                nodes.instance_id = parents.instance_id
                and nodes.source_id = parents.source_id
                and nodes.repo is not distinct from parents.repo
                and nodes.parent_label = parents.label
        where not nodes.is_root and parents.chain_root_label is not null

        union all

        {% endif -%}
        select
            links.node,
            chains.root,
            chains.root_label,
            {{ next_link('links', 'chains') }}
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
        coalesce(chains.root_label, roots.label) as chain_root_label,
        coalesce(chains.chain_length, 1) as chain_length
    from nodes
    left join chains on nodes.node = chains.node
    left join nodes as roots on chains.root = roots.node
{%- endmacro %}
