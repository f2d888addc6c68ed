-- A source speaks of an instance that the inventory does not know under this name.
with named as (

    select source_id, native_instance, instance_id, first_seen_at as seen_at
    from {{ ref('stg_backup_jobs') }}
    union all
    select source_id, native_instance, instance_id, first_seen_at from {{ ref('stg_backup_sets') }}
    union all
    select source_id, native_instance, instance_id, first_seen_at from {{ ref('stg_restore_jobs') }}
    union all
    select source_id, native_instance, instance_id, sampled_at from {{ ref('stg_log_archive') }}

),

sources as (

    select * from {{ ref('stg_sources') }}

),

aliases as (

    select
        source_id,
        coalesce(native_instance, '') as native_instance,
        max(instance_id) as instance_id,
        count(*) filter (instance_id is null) as records,
        min(seen_at) as first_seen_at
    from named
    group by all

),

judged as (

    select
        'alias' as subject_kind,
        source_id || '/' || native_instance as subject_id,
        case when instance_id is null then 'breached' else 'ok' end as status,
        case when instance_id is null then 'warning' else 'info' end as severity,
        records as value,
        0 as objective,
        'records' as unit,
        case when instance_id is null then first_seen_at end as since,
        null as changes_at,
        null as team,
        to_json({ 'source': source_id, 'alias': native_instance, 'instance': instance_id }) as labels,
        case
            when instance_id is null
                then 'source ' || source_id || ' reports on ' || native_instance
                    || ', which no instance of the inventory has as an alias: '
                    || records::varchar || ' records count for nobody'
            else 'source ' || source_id || ' calls ' || instance_id || ' ' || native_instance
        end as summary
    from aliases
    semi join sources using (source_id)

),

final as (

    select * from judged

)

select {{ sla_columns('final', 'alias_unmapped') }}
