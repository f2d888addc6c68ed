-- A backup can be used from its own end and that of all it depends on, until the first of them is
-- gone. Walking from the roots, so a cycle of parents is never reached and never usable.
with recursive catalog as (

    select * from {{ ref('stg_backup_sets') }}

),

attempts as (

    select
        instance_id,
        backup_label,
        bool_or({{ is_success('state') }}) as has_success,
        bool_or(state in ('failed', 'cancelled')) as has_failure
    from {{ ref('stg_backup_jobs') }}
    where backup_label is not null
    group by all

),

-- What a failed run left behind looks whole in the catalog: a dump that died in front of a tool
-- that was content. Tools may name a set by the first characters of its long id.
spoilt as (

    select distinct
        catalog.source_id,
        catalog.repo,
        catalog.label
    from catalog
    inner join attempts
        on
            catalog.instance_id = attempts.instance_id
            and (
                catalog.label = attempts.backup_label
                or (
                    length(catalog.label) = 64
                    and length(attempts.backup_label) >= 8
                    and starts_with(catalog.label, attempts.backup_label)
                )
            )
    where attempts.has_failure and not attempts.has_success

),

sets as (

    select
        catalog.*,
        spoilt.label is not null as is_spoilt,
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
        coalesce(finished_at, first_seen_at) as stopped_at
    from catalog
    left join spoilt
        on
            catalog.source_id = spoilt.source_id
            and catalog.repo is not distinct from spoilt.repo
            and catalog.label = spoilt.label

),

links as (

    select
        source_id,
        repo,
        label,
        parent_label,
        stopped_at,
        case when is_spoilt then stopped_at else least(gone_at, corrupt_at) end as until_at,
        case
            when is_spoilt then 'failed_run'
            when corrupt_at is not null and corrupt_at <= coalesce(gone_at, corrupt_at)
                then 'corrupt'
            when gone_at is not null then 'expired'
        end as until_reason,
        parent_label is null and coalesce(backup_type, 'full') not in ('incr', 'diff') as is_root
    from sets

),

chains as (

    select
        source_id,
        repo,
        label,
        label as chain_root_label,
        1 as chain_length,
        stopped_at as usable_from,
        until_at as usable_until,
        until_reason as unusable_reason
    from links
    where is_root

    union all

    select
        links.source_id,
        links.repo,
        links.label,
        chains.chain_root_label,
        chains.chain_length + 1 as chain_length,
        greatest(links.stopped_at, chains.usable_from) as usable_from,
        least(links.until_at, chains.usable_until) as usable_until,
        case
            when links.until_at is not null
                and links.until_at <= coalesce(chains.usable_until, links.until_at)
                then links.until_reason
            when chains.usable_until is not null
                then 'parent_' || replace(chains.unusable_reason, 'parent_', '')
        end as unusable_reason
    from links
    inner join chains
        on
            links.source_id = chains.source_id
            and links.repo is not distinct from chains.repo
            and links.parent_label = chains.label

),

final as (

    select
        sets.instance_id,
        sets.native_instance,
        sets.source_id,
        sets.repo,
        sets.label,
        sets.backup_type,
        sets.started_at,
        sets.stopped_at as finished_at,
        coalesce(sets.recovery_point_at, sets.started_at) as recovery_point_at,
        case when chains.label is null then sets.stopped_at else chains.usable_from end
            as usable_from,
        case when chains.label is null then sets.stopped_at else chains.usable_until end
            as usable_until,
        case when chains.label is null then 'parent_missing' else chains.unusable_reason end
            as unusable_reason,
        chains.chain_root_label,
        coalesce(chains.chain_length, 1) as chain_length,
        sets.source_bytes,
        sets.repo_bytes,
        sets.integrity
    from sets
    left join chains
        on
            sets.source_id = chains.source_id
            and sets.repo is not distinct from chains.repo
            and sets.label = chains.label

)

select * from final
