-- What each ended restore teaches: did it succeed, and how many seconds did each byte take?
-- A failure is no duration; what was not verified teaches nothing. A copy for other purposes is not
-- verified when it succeeds, so its failures must not count either.
with restores as (

    select * from {{ ref('int_restores') }}
    where
        instance_id is not null
        and (
            outcome in ('proven', 'untimed') or (outcome = 'failed' and purpose in ('drill', 'real'))
        )

),

sets as (

    select instance_id, label, max(source_bytes) as source_bytes
    from {{ ref('stg_backup_sets') }} as known
    semi join restores on known.label = restores.source_label
    where source_bytes > 0
    group by all

),

sized as (

    select
        restores.source_id,
        restores.restore_key,
        restores.instance_id,
        restores.db_type,
        restores.pool,
        restores.purpose,
        restores.requested_at,
        restores.ended_at,
        restores.objective_s,
        restores.rto_s,
        restores.outcome,
        restores.meets_rto,
        restores.outcome <> 'failed' as is_success,
        coalesce(case when restores.bytes > 0 then restores.bytes end, sets.source_bytes) as bytes
    from restores
    left join sets
        on
            restores.instance_id = sets.instance_id
            and restores.source_label = sets.label

),

final as (

    select
        *,
        case when rto_s > 0 and bytes > 0 then ln(rto_s) - ln(bytes) end as residual
    from sized

)

select * from final
