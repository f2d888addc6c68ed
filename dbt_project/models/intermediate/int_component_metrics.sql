-- What components measured, by hour: one row a component, metric and hour of the days that are
-- compared with backups. A component that several sources measure has the mean of them.
with storage as (

    select * from {{ ref('fct_storage_hourly') }}

),

network as (

    select * from {{ ref('fct_network_hourly') }}

),

queues as (

    select * from {{ ref('fct_queue_hourly') }}

),

workers as (

    select * from {{ ref('fct_worker_hourly') }}

),

measured as (

    select 'storage' as kind, volume as component, hour, 'used_share' as metric,
        mean_used_bytes / nullif(size_bytes, 0) as x
    from storage
    union all
    select 'network', link, hour, unnest(['utilisation', 'received', 'sent', 'error_rate']),
        unnest([p95_utilisation, mean_rx_bytes_s, mean_tx_bytes_s, mean_error_rate])
    from network
    union all
    select 'queue', queue, hour, unnest(['depth', 'oldest_wait', 'done_rate']),
        unnest([mean_depth, max_wait_s, mean_done_per_s])
    from queues
    union all
    select 'workers', pool, hour, unnest(['busy_share', 'workers']),
        unnest([mean_busy_ratio, min_total::double])
    from workers

),

final as (

    select kind, component, metric, hour, avg(x) as x
    from measured
    where
        x is not null
        and hour >= date_trunc('day', {{ cbcr_now() }}) - to_days({{ var('correlation_days') }} + 1)
        and hour < date_trunc('day', {{ cbcr_now() }})
    group by all

)

select * from final
