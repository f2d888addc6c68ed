-- What is measured of a pool of workers. A sign of life is as old as it was when it was looked at; only
-- when the next look is overdue, although its source is fresh, does it grow older by the clock.
with {{ sampled_things('worker', 'pool') }},

usual as (

    select pool, max(total) as most
    from {{ ref('fct_worker_daily') }}
    where day > {{ cbcr_now() }}::date - 8 and day <= {{ cbcr_now() }}::date
    group by pool

),

newest as (

    select pool, source_id, arg_max(busy, sampled_at) as busy, arg_max(total, sampled_at) as total
    from recent
    group by all

),

beats as (

    select pool, source_id, max(last_heartbeat_at) as last_heartbeat_at
    from (
        select pool, source_id, last_heartbeat_at from recent
        union all
        select pool, source_id, last_heartbeat_at from {{ ref('fct_worker_daily') }}
        where day > {{ cbcr_now() }}::date - 30
    )
    where last_heartbeat_at <= {{ cbcr_now() }}
    group by all

),

worked as (

    select pool, source_id, quantile_cont(busy / nullif(total, 0), 0.95) as utilisation
    from recent
    where sampled_at > {{ cbcr_now() }} - interval 6 hour
    group by all

),

measured as (

    select
        seen.*,
        newest.total,
        worked.utilisation,
        -- Who counts workers that are there has seen them; a pool that tells of no beat tells so much.
        coalesce(
            beats.last_heartbeat_at, case when coalesce(newest.total, 1) > 0 then seen.sampled_at end
        ) as beat_at,
        newest.total / nullif(greatest(usual.most, newest.total), 0) as present
    from seen
    left join usual using (pool)
    left join newest using (pool, source_id)
    left join beats using (pool, source_id)
    left join worked using (pool, source_id)

),

final as (

    select
        'worker_pool' as kind,
        pool as component_id,
        null::varchar as team,
        null::integer as tier,
        null::varchar as environment,
        [
            {{ health_signal(
                'heartbeat_age',
                seconds_between('beat_at', 'case when is_current then sampled_at else ' ~ cbcr_now() ~ ' end'),
                'sampled_at', 'is_current or is_source_ok', overdue_at='case when is_current then overdue_at end'
            ) }},
            {{ health_signal(
                'workers_present', 'present', 'sampled_at', 'is_current', 'total is not null', 'overdue_at'
            ) }},
            {{ health_signal(
                'utilisation', 'utilisation', 'sampled_at', 'is_current', 'total is not null'
            ) }}
        ] as signals
    from measured

)

select * from final
