-- What is measured of a source, and of CBCR itself, which sees by its sources.
with sources as (

    select * from {{ ref('int_source_status') }}

),

readings as (

    select
        source_id,
        count(*) filter (not ok) / count(*) as failed_share,
        sum(row_count) as rows_read
    from {{ ref('stg_pulls') }}
    where finished_at <= {{ cbcr_now() }} and finished_at > {{ cbcr_now() }} - interval 1 day
    group by source_id

),

refused as (

    select source_id, count(*) as rows_refused
    from {{ source('raw', 'quarantine') }}
    where
        observed_at <= {{ cbcr_now() }} and observed_at > {{ cbcr_now() }} - interval 1 day
        and released_at is null
    group by source_id

),

-- An instance is as important to its sources as its tier says.
users as (

    select aliases.source_id, min(coalesce(instances.tier, 3)) as tier
    from {{ ref('stg_aliases') }} as aliases
    inner join {{ ref('stg_instances') }} as instances using (instance_id)
    semi join {{ ref('int_sources_spoken') }} as spoken
        on aliases.source_id = spoken.source_id and aliases.instance_id = spoken.instance_id
    where instances.retired_at is null or instances.retired_at > {{ cbcr_now() }}
    group by aliases.source_id

),

measured as (

    select
        sources.source_id,
        sources.status,
        users.tier,
        sources.last_ok_at,
        {{ seconds_between(
            plus_seconds('sources.stale_at', '-sources.stale_after_s'), cbcr_now()
        ) }} / nullif(sources.stale_after_s, 0) as reading_age,
        readings.failed_share,
        coalesce(refused.rows_refused, 0)
            / nullif(greatest(readings.rows_read, refused.rows_refused), 0) as refused_share,
        coalesce(refused.rows_refused, 0) as rows_refused,
        readings.rows_read
    from sources
    left join readings using (source_id)
    left join refused using (source_id)
    left join users using (source_id)

),

platform as (

    select
        min(reading_age) as pull_age,
        count(*) filter (status <> 'ok') / nullif(count(*), 0) as stale_share,
        sum(rows_refused) / nullif(greatest(sum(rows_read), sum(rows_refused)), 0) as refused_share
    from measured

),

builds as (

    select
        {{ seconds_between('max(built_at)', cbcr_now()) }} as age_s,
        max(built_at) as built_at
    from state.build_marks

),

evaluations as (

    select
        {{ seconds_between('max(evaluated_at)', cbcr_now()) }} as age_s,
        max(evaluated_at) as evaluated_at
    from state.sla_status

),

ticks as (

    select
        max((value ->> '$.age_s')::double) as age_s,
        max((value ->> '$.told_at')::timestamp) as told_at
    from state.settings
    where name = 'alert_tick'

),

deliveries as (

    select count(*) filter (state = 'dead') / nullif(count(*), 0) as undelivered
    from {{ source('alerts', 'alert_deliveries') }}
    where
        done_at <= {{ cbcr_now() }} and done_at > {{ cbcr_now() }} - interval 1 day

),

final as (

    select
        'source' as kind,
        source_id as component_id,
        null::varchar as team,
        tier,
        null::varchar as environment,
        [
            {{ health_signal('reading_age', 'reading_age', 'last_ok_at', "status <> 'unknown'") }},
            {{ health_signal(
                'failed_readings', 'failed_share', cbcr_now(), 'failed_share is not null',
                'failed_share is not null'
            ) }},
            {{ health_signal(
                'refused_rows', 'refused_share', cbcr_now(), 'true', 'refused_share is not null'
            ) }}
        ] as signals
    from measured
    union all by name
    select
        'cbcr' as kind,
        'cbcr' as component_id,
        null::varchar as team,
        null::integer as tier,
        null::varchar as environment,
        [
            {{ health_signal('pull_age', 'platform.pull_age', cbcr_now(), 'true') }},
            {{ health_signal('build_age', 'builds.age_s', 'builds.built_at', 'true') }},
            {{ health_signal(
                'evaluation_age', 'evaluations.age_s', 'evaluations.evaluated_at', 'true',
                'evaluations.age_s is not null'
            ) }},
            {{ health_signal(
                'tick_age', 'ticks.age_s', 'ticks.told_at',
                'ticks.told_at between ' ~ cbcr_now() ~ ' - interval 1 hour and ' ~ cbcr_now(),
                'ticks.told_at <= ' ~ cbcr_now()
            ) }},
            {{ health_signal(
                'undelivered', 'deliveries.undelivered', cbcr_now(), 'true',
                'deliveries.undelivered is not null'
            ) }},
            {{ health_signal('stale_sources', 'platform.stale_share', cbcr_now(), 'true') }},
            {{ health_signal(
                'refused_rows', 'platform.refused_share', cbcr_now(), 'true',
                'platform.refused_share is not null'
            ) }}
        ] as signals
    from platform
    cross join builds
    cross join evaluations
    cross join ticks
    cross join deliveries

)

select * from final
