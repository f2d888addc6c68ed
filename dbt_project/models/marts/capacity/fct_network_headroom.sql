-- Room of each link by hour of the day (UTC), over four weeks: in the window in which backups run, and
-- outside of it.
with hourly as (

    select
        *,
        extract(hour from hour) as hour_of_day
    from {{ ref('fct_network_backup_hourly') }}
    where hour > {{ cbcr_now() }} - interval 28 day

),

summed as (

    select
        link,
        hour_of_day,
        count(*) as hours_seen,
        count(*) filter (backups > 0) as hours_with_backups,
        median(used_bytes_s) as median_used_bytes_s,
        median(backup_bytes_s) filter (backups > 0) as median_backup_bytes_s,
        arg_max(capacity_bytes_s, hour) as capacity_bytes_s,
        quantile_cont(headroom_bytes_s, 0.05) as headroom_p05_bytes_s
    from hourly
    group by all

),

final as (

    select
        link,
        hour_of_day::integer as hour_of_day,
        hours_seen,
        hours_with_backups,
        2 * hours_with_backups >= hours_seen as is_backup_window,
        median_used_bytes_s,
        median_backup_bytes_s,
        capacity_bytes_s,
        headroom_p05_bytes_s,
        headroom_p05_bytes_s / capacity_bytes_s as headroom_p05_share,
        case
            when headroom_p05_bytes_s is null then 'unknown'
            when headroom_p05_bytes_s < 0.05 * capacity_bytes_s then 'full'
            when headroom_p05_bytes_s < 0.2 * capacity_bytes_s then 'tight'
            else 'room'
        end as status
    from summed

)

select * from final
