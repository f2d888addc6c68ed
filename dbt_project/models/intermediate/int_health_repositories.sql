-- What is measured of a repository: what its source's catalog says, and what attempts met there.
with sources as (

    select * from {{ ref('int_source_status') }}

),

instances as (

    select instance_id, tier from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

sets as (

    -- What can be used, and what was found corrupt in the last days.
    select * from {{ ref('int_open_sets') }}
    where
        usable_from <= {{ cbcr_now() }}
        and (usable_until is null or usable_until > {{ cbcr_now() }} or integrity = 'corrupt')

),

newest_attempts as (

    select
        source_id,
        repo,
        instance_id,
        arg_max(state, (started_at, attempt_key)) as state,
        arg_max_null(error_class, (started_at, attempt_key)) as error_class
    from {{ ref('fct_backup_attempts') }}
    where
        started_at <= {{ cbcr_now() }} and started_at > {{ cbcr_now() }} - interval 8 day
        and repo is not null
    group by all

),

refusals as (

    select
        source_id,
        repo,
        count(*) filter (
            state = 'failed' and error_class in ('no_space', 'lock', 'checksum')
        ) / count(*) as refused_share
    from newest_attempts
    group by all

),

counted as (

    select
        sets.source_id,
        sets.repo,
        min(coalesce(instances.tier, 3)) as tier,
        count(*) filter (sets.integrity in ('corrupt', 'suspect')) / count(*) as damaged_share
    from sets
    left join instances using (instance_id)
    group by all

),

final as (

    select
        'repository' as kind,
        counted.source_id || '/' || counted.repo as component_id,
        null::varchar as team,
        counted.tier,
        null::varchar as environment,
        [
            {{ health_signal(
                'catalog_age',
                seconds_between('sources.last_ok_at', cbcr_now()) ~ ' / nullif(sources.stale_after_s, 0)',
                'sources.last_ok_at', "sources.status = 'ok'"
            ) }},
            {{ health_signal(
                'damaged_share', 'counted.damaged_share', 'sources.last_ok_at', "sources.status = 'ok'"
            ) }},
            {{ health_signal(
                'refused_writes', 'refusals.refused_share', 'sources.last_ok_at', "sources.status = 'ok'",
                'refusals.refused_share is not null'
            ) }}
        ] as signals
    from counted
    inner join sources using (source_id)
    left join refusals using (source_id, repo)

)

select * from final
