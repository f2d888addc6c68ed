-- Can we see an instance at all? It is blind when no source of it is fresh.
with aliases as (

    select distinct source_id, instance_id from {{ ref('stg_aliases') }}

),

{{ spoken_above(spoken_mark()) }},

-- A source whose names are instance ids has an alias for each of them; it watches those it spoke of.
heard as (

    select source_id, instance_id from spoken
    union
    select source_id, instance_id from {{ ref('int_sources_spoken') }}
    where ingest_seq <= {{ spoken_mark() }}

),

explicit as (

    select distinct aliases.source_id, aliases.instance_id
    from {{ ref('stg_aliases') }} as aliases
    where aliases.native_instance <> aliases.instance_id

),

watching as (

    select source_id, instance_id from aliases semi join heard using (source_id, instance_id)
    union
    select source_id, instance_id from explicit

),

instances as (

    select instance_id from {{ ref('stg_instances') }}

),

-- Nobody spoke of it yet: every source that could know it counts.
candidates as (

    select source_id, instance_id from watching
    union all
    select source_id, instance_id from aliases
    where instance_id not in (select instance_id from watching)

),

final as (

    select
        instances.instance_id,
        count(status.source_id) as source_count,
        coalesce(bool_and(status.status <> 'ok'), true) as sources_stale,
        max(status.last_ok_at) as last_ok_at,
        max(status.stale_at) as stale_at
    from instances
    left join candidates using (instance_id)
    left join {{ ref('int_source_status') }} as status using (source_id)
    group by instances.instance_id

)

select * from final
