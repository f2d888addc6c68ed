-- Every moment of data that could be brought back: backup sets, and archives that continue one.
with chains as (

    select * from {{ ref('int_backup_chains') }}
    where instance_id is not null

),

archives as (

    select
        instance_id,
        source_id,
        base_label,
        archived_from_at,
        max(archived_to_at) as archived_to_at
    from {{ ref('stg_log_archive') }}
    where instance_id is not null and archived_to_at is not null
        and sampled_at <= {{ cbcr_now() }}
    group by all

),

continued as (

    select
        chains.instance_id,
        archives.source_id,
        chains.repo,
        chains.label,
        'archive' as backup_type,
        archives.archived_to_at as recovery_point_at,
        greatest(chains.usable_from, archives.archived_from_at) as usable_from,
        chains.usable_until,
        chains.unusable_reason,
        chains.chain_root_label,
        chains.chain_length,
        chains.source_bytes,
        chains.repo_bytes,
        chains.integrity
    from archives
    inner join chains
        on
            archives.instance_id = chains.instance_id
            and (archives.base_label is null or archives.base_label = chains.label)
            and archives.archived_to_at >= chains.recovery_point_at

),

points as (

    select * exclude (native_instance, started_at, finished_at) from chains
    union all by name
    select * from continued

),

-- What ends before it begins was never usable; what comes from the future is not believed.
final as (

    select
        *,
        recovery_point_at <= {{ cbcr_now() }}
        and usable_from <= {{ cbcr_now() }}
        and (usable_until is null or usable_until > usable_from) as was_ever_usable,
        recovery_point_at <= {{ cbcr_now() }}
        and usable_from <= {{ cbcr_now() }}
        and (usable_until is null or usable_until > {{ cbcr_now() }}) as is_usable_now
    from points

)

select * from final
