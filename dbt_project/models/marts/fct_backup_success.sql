-- The daily counts, told by what people ask for: tool, kind, team, tier, environment and day.
-- A view: it costs nothing to keep, and nothing of it is defined here.
{{ config(materialized='view') }}

with daily as (

    select * from {{ ref('fct_backup_success_daily') }}

),

instances as (

    select * from {{ ref('stg_instances') }}

),

attempts as (

    select * from {{ ref('int_attempts_recent') }}
    where instance_id is not null

),

-- The tool that backs it up now; a run that never started has none of its own.
tools_of_kinds as (

    select
        instance_id,
        coalesce(backup_type, 'unknown') as backup_type,
        arg_max(tool, (started_at, source_id, attempt_key)) as tool
    from attempts
    where started_at is not null
    group by all

),

tools as (

    select instance_id, arg_max(tool, (started_at, source_id, attempt_key)) as tool
    from attempts
    where started_at is not null
    group by instance_id

),

final as (

    select
        daily.day,
        coalesce(tools_of_kinds.tool, tools.tool, 'unknown') as tool,
        daily.backup_type,
        instances.team,
        instances.tier,
        instances.environment,
        count(distinct daily.instance_id) as instances,
        sum(daily.scheduled)::bigint as scheduled,
        sum(daily.attempted)::bigint as attempted,
        sum(daily.first_try)::bigint as first_try,
        sum(daily.eventual)::bigint as eventual,
        sum(daily.missed)::bigint as missed,
        sum(daily.unknown)::bigint as unknown,
        sum(daily.failed)::bigint as failed,
        sum(daily.lost)::bigint as lost,
        sum(daily.cancelled)::bigint as cancelled,
        sum(daily.running)::bigint as running,
        sum(daily.first_try) / nullif(sum(daily.scheduled), 0) as first_try_share,
        sum(daily.eventual) / nullif(sum(daily.scheduled), 0) as eventual_share
    from daily
    left join instances using (instance_id)
    left join tools_of_kinds using (instance_id, backup_type)
    left join tools using (instance_id)
    group by all

)

select * from final
