-- What is measured of a queue. Where nobody tells how long the oldest job waits, it is depth over pace,
-- and where there is no pace either, the time since the queue was empty: no job can wait for longer.
with {{ sampled_things('queue', 'queue') }},

usual as (

    select queue, avg(mean_depth) as depth
    from {{ ref('fct_queue_daily') }}
    where day > {{ cbcr_now() }}::date - 8 and day < {{ cbcr_now() }}::date
    group by queue

),

newest as (

    select
        queue,
        source_id,
        arg_max(depth, sampled_at) as depth,
        -- As of the newest sample: one that does not tell it must not show what an older one told.
        arg_max_null(oldest_wait_s, sampled_at) as oldest_wait_s,
        quantile_cont(done_per_s, 0.5) filter (sampled_at > {{ cbcr_now() }} - interval 2 hour)
            as done_per_s,
        coalesce(max(sampled_at) filter (depth = 0), min(sampled_at)) as empty_at
    from recent
    group by all

),

measured as (

    select
        seen.*,
        case when newest.depth = 0 then 0 else coalesce(
            newest.oldest_wait_s,
            newest.depth / nullif(newest.done_per_s, 0),
            {{ seconds_between('newest.empty_at', 'seen.sampled_at') }}
        ) end as oldest_wait,
        (newest.depth + 1) / (usual.depth + 1) as depth_ratio,
        case when newest.depth = 0 then 0 else newest.depth / nullif(newest.done_per_s, 0) end
            as drain_time,
        newest.done_per_s is not null as is_pace_told
    from seen
    left join usual using (queue)
    left join newest using (queue, source_id)

),

final as (

    select
        'queue' as kind,
        queue as component_id,
        null::varchar as team,
        null::integer as tier,
        null::varchar as environment,
        [
            {{ health_signal(
                'oldest_wait', 'oldest_wait', 'sampled_at', 'is_current', overdue_at='overdue_at'
            ) }},
            {{ health_signal(
                'depth_ratio', 'depth_ratio', 'sampled_at', 'is_current', 'depth_ratio is not null'
            ) }},
            {{ health_signal(
                'drain_time', 'drain_time', 'sampled_at', 'is_current',
                'is_pace_told and drain_time is not null'
            ) }}
        ] as signals
    from measured

)

select * from final
