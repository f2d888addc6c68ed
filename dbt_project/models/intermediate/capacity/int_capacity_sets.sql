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
        coalesce(sampled.volume, instances.storage_volume) as volume,
        sets.source_id,
        sets.repo,
        instance_id,
        coalesce(sets.backup_type, 'unknown') as backup_type,
        {{ day_number('coalesce(sets.started_at, sets.finished_at)') }} as start_day,
        coalesce(sets.repo_delta_bytes, sets.repo_bytes) as bytes,
        {{ day_number('sets.expires_at') }} as planned_day,
        case
            when sets.lifecycle in ('expired', 'purged')
                then {{ day_number('coalesce(sets.unusable_from, sets.last_seen_at)') }}
        end as gone_day,
        {{ day_number('coalesce(sets.first_seen_at, sets.started_at)') }} as watched_day
    from sets
    left join instances using (instance_id)
    left join sampled on sets.repo = sampled.volume
    where coalesce(sampled.volume, instances.storage_volume) is not null

)

select * from final
