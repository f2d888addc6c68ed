-- A source is stale when its newest good reading is older than it may be.
with sources as (

    select * from {{ ref('stg_sources') }}
    where retired_at is null

),

pulls as (

    select * from {{ ref('stg_pulls') }}
    where finished_at <= {{ cbcr_now() }}

),

readings as (

    select
        source_id,
        max(finished_at) filter (ok) as last_ok_at,
        min(started_at) as first_pull_at,
        max(finished_at) as last_pull_at,
        arg_max(error, finished_at) filter (not ok) as last_error
    from pulls
    group by source_id

),

deadlines as (

    select
        sources.source_id,
        sources.tool,
        sources.stale_after_s,
        readings.last_ok_at,
        readings.last_pull_at,
        readings.last_error,
        {{ plus_seconds(
            'coalesce(readings.last_ok_at, readings.first_pull_at)', 'sources.stale_after_s'
        ) }} as stale_at
    from sources
    left join readings using (source_id)

),

final as (

    select
        *,
        case
            when stale_at < {{ cbcr_now() }} then 'breached'
            when last_ok_at is null then 'unknown'
            else 'ok'
        end as status
    from deadlines

)

select * from final
