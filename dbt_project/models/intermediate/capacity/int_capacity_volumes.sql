-- Every volume that is sampled or that the inventory names, as it was last seen. One that fell silent
-- and that no instance of the inventory uses is forgotten after a month; it says goodbye for a week.
with daily as (

    select * from {{ ref('fct_storage_daily') }}
    where day <= {{ cbcr_now() }}::date

),

sizes as (

    select
        *,
        median(size_bytes) over (partition by volume) as usual_size,
        {{ is_other_unit('size_bytes', 'usual_size') }} as is_suspect,
        lag(size_bytes) over (partition by volume order by day, last_sampled_at) as size_before
    from daily

),

sampled as (

    select
        volume,
        max(last_sampled_at) as last_sampled_at,
        max(last_sampled_at) filter (not is_suspect and used_bytes is not null) as last_good_at,
        count(distinct day) filter (not is_suspect and used_bytes is not null) as n_days,
        count(distinct day) filter (is_suspect) as suspect_days,
        arg_max(used_bytes, last_sampled_at) filter (not is_suspect) as used_bytes,
        arg_max(avail_bytes, last_sampled_at) filter (not is_suspect) as avail_bytes,
        arg_max(size_bytes, last_sampled_at) filter (not is_suspect) as size_bytes,
        max(day) filter (not is_suspect and abs(size_bytes - size_before) > 0.01 * size_before)
            as resized_on,
        arg_max(size_before, day) filter (
            not is_suspect and abs(size_bytes - size_before) > 0.01 * size_before
        ) as size_before_bytes
    from sizes
    group by volume

),

named as (

    select
        storage_volume as volume,
        count(*) as n_instances,
        -- whom to tell, where it is one team's alone
        case when count(distinct team) = 1 then any_value(team) end as team
    from {{ ref('stg_instances') }}
    where
        storage_volume is not null
        and (retired_at is null or retired_at > {{ cbcr_now() }})
        -- Where nothing at all is sampled, nobody has asked about room.
        and exists (select 1 from daily)
    group by storage_volume

),

final as (

    select
        volume,
        coalesce(named.n_instances, 0) as n_instances,
        named.team,
        last_sampled_at,
        last_good_at,
        coalesce(n_days, 0) as n_days,
        coalesce(suspect_days, 0) as suspect_days,
        last_sampled_at > last_good_at or (last_good_at is null and suspect_days > 0) as is_suspect,
        used_bytes,
        avail_bytes,
        size_bytes,
        -- Full is what cannot be written any more: some of a volume may be kept for the system.
        coalesce(used_bytes + avail_bytes, size_bytes) as capacity_bytes,
        resized_on,
        size_before_bytes
    from sampled
    full join named using (volume)
    where
        named.n_instances > 0
        or last_sampled_at > {{ cbcr_now() }} - interval {{ volume_forgotten_days() + 7 }} day

)

select * from final
