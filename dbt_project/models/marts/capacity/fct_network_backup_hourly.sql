-- How much of each link's load by hour was backups, over five weeks: the bytes that a backup moved are
-- spread evenly over the time it ran. What is told by nobody is not guessed.
with links as (

    select instance_id, network_link as link from {{ ref('stg_instances') }}
    where network_link is not null

),

hours as (

    select
        link,
        hour,
        arg_max(greatest(mean_rx_bytes_s, mean_tx_bytes_s), last_sampled_at) as used_bytes_s,
        arg_max(greatest(p95_rx_bytes_s, p95_tx_bytes_s), last_sampled_at) as p95_used_bytes_s,
        arg_max(capacity_bytes_s, last_sampled_at) as capacity_bytes_s,
        arg_max(coverage, last_sampled_at) as coverage
    from {{ ref('fct_network_hourly') }}
    where
        hour > {{ cbcr_now() }} - interval 35 day
        and hour <= {{ cbcr_now() }}
    group by all

),

runs as (

    select
        links.link,
        attempts.started_at,
        coalesce(attempts.finished_at, {{ cbcr_now() }}) as ended_at,
        attempts.transferred_bytes,
        greatest({{ seconds_between('attempts.started_at', 'ended_at') }}, 1) as seconds
    from {{ ref('fct_backup_attempts') }} as attempts
    inner join links using (instance_id)
    where
        attempts.started_at > {{ cbcr_now() }} - interval 36 day
        and attempts.started_at <= {{ cbcr_now() }}
        -- what never ended says nothing of when it moved bytes
        and (attempts.finished_at is not null or attempts.state = 'running')
        and attempts.finished_at - attempts.started_at < interval 3 day

),

pieces as (

    select
        *,
        unnest(generate_series(
            date_trunc('hour', started_at), date_trunc('hour', ended_at), interval 1 hour
        )) as hour
    from runs

),

shares as (

    select
        link,
        hour,
        transferred_bytes,
        greatest(
            {{ seconds_between(
                'greatest(started_at, hour)', 'least(ended_at, hour + interval 1 hour)'
            ) }},
            0
        ) as seconds_here,
        seconds
    from pieces

),

moved as (

    select
        link,
        hour,
        count(*) as backups,
        count(*) filter (transferred_bytes is null) as backups_without_bytes,
        sum(transferred_bytes * seconds_here / seconds) / 3600 as moved_bytes_s
    from shares
    group by all

),

final as (

    select
        hours.link,
        hours.hour,
        hours.used_bytes_s,
        hours.p95_used_bytes_s,
        hours.capacity_bytes_s,
        hours.coverage,
        coalesce(moved.backups, 0) as backups,
        coalesce(moved.backups_without_bytes, 0) as backups_without_bytes,
        case
            when moved.backups is null then 0
            -- a link cannot have carried more of backups than of everything
            when moved.moved_bytes_s is not null
                then least(moved.moved_bytes_s, hours.used_bytes_s)
        end as backup_bytes_s,
        backup_bytes_s / nullif(hours.used_bytes_s, 0) as backup_share,
        hours.used_bytes_s - backup_bytes_s as other_bytes_s,
        -- greatest() passes over null: an unknown capacity has no room, neither much nor none
        case
            when hours.capacity_bytes_s - hours.p95_used_bytes_s is not null
                then greatest(hours.capacity_bytes_s - hours.p95_used_bytes_s, 0)
        end as headroom_bytes_s
    from hours
    left join moved using (link, hour)

)

select * from final
