-- Every moment of data that could be brought back: backup sets, and archives that continue one.
with chains as (

    select * from {{ ref('int_backup_chains') }}
    where instance_id is not null

),

archives as (

    select * from {{ ref('int_archive_stretches') }}

),

-- An archive without a usable base is worth nothing; one without a named base continues each
-- backup that lies inside of it.
continued as (

    select
        chains.instance_id,
        archives.source_id,
        chains.repo,
        chains.label,
        'archive' as backup_type,
        archives.archived_to_at as recovery_point_at,
        greatest(chains.usable_from, archives.known_from_at) as usable_from,
        chains.usable_until,
        chains.unusable_reason,
        chains.chain_root_label,
        chains.chain_length,
        chains.source_bytes,
        chains.repo_bytes,
        chains.integrity,
        archives.worst_lag_s
    from archives
    inner join chains
        on
            archives.instance_id = chains.instance_id
            and archives.archived_to_at >= chains.recovery_point_at
    where
        archives.base_label = chains.label
        or (
            archives.base_label is null
            and coalesce(archives.archived_from_at <= chains.recovery_point_at, true)
        )

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
