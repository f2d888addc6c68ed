-- What backup sets put on which volume: the repository where a volume of that name is sampled, else
-- the volume that the inventory names. Bytes are those that the set itself added. Five
-- models read it, so it is written once.
{{ config(materialized='table') }}

with sets as (

    select * from {{ ref('stg_backup_sets') }}
    where
        finished_at <= {{ cbcr_now() }}
        and instance_id is not null
        and coalesce(repo_delta_bytes, repo_bytes) > 0

),

instances as (

    select instance_id, storage_volume from {{ ref('stg_instances') }}

),

sampled as (

    select distinct volume from {{ ref('int_capacity_days') }}

),

final as (

    select
        -- Asked by `in` and not by a join: thousands of volumes are looked up from millions of sets,
        -- never the other way round.
        coalesce(
            case when sets.repo in (select volume from sampled) then sets.repo end,
            instances.storage_volume
        ) as volume,
        sets.source_id,
        sets.repo,
        instance_id,
        coalesce(sets.backup_type, 'unknown') as backup_type,
        ({{ day_number('coalesce(sets.started_at, sets.finished_at)') }})::integer as start_day,
        coalesce(sets.repo_delta_bytes, sets.repo_bytes) as bytes,
        ({{ day_number('sets.expires_at') }})::integer as planned_day,
        case
            when sets.lifecycle in ('expired', 'purged')
                then ({{ day_number('coalesce(sets.unusable_from, sets.last_seen_at)') }})::integer
        end as gone_day,
        ({{ day_number('coalesce(sets.first_seen_at, sets.started_at)') }})::integer as watched_day
    from sets
    left join instances using (instance_id)

)

select * from final
where volume is not null
