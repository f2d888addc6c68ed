-- A view: as its parts are kept current, a copy of all history would only cost.
{{ config(materialized='view') }}

with points as (

    select * from {{ ref('int_recovery_points') }}

),

final as (

    select
        instance_id,
        source_id,
        repo,
        label,
        backup_type,
        recovery_point_at,
        usable_from,
        usable_until,
        unusable_reason,
        chain_root_label,
        chain_length,
        source_bytes,
        repo_bytes,
        integrity
    from points

)

select * from final
