-- Where the growth of each volume comes from: what was there 7, 30 and 90 days before its newest day,
-- what came, what went, by who put it there. A window is told where the catalog was watched through it;
-- what is used beside the catalog is one part of its own, so that the parts are the whole.
with sets as (

    select * from {{ ref('int_capacity_sets') }}

),

days as (

    select * from {{ ref('int_capacity_days') }}

),

newest as (

    select volume, max(day_number) as last_day
    from days
    group by volume

),

watched as (

    select volume, min(watched_day) as watched_day
    from sets
    group by volume

),

windows as (

    select
        newest.volume,
        asked.days as window_days,
        newest.last_day - asked.days as first_day,
        newest.last_day,
        before_.used_bytes as used_before_bytes,
        after_.used_bytes as used_bytes
    from newest
    cross join (values (7), (30), (90)) as asked (days)
    left join watched using (volume)
    inner join days as before_
        on newest.volume = before_.volume and before_.day_number = newest.last_day - asked.days
    inner join days as after_
        on newest.volume = after_.volume and newest.last_day = after_.day_number
    where coalesce(watched.watched_day <= newest.last_day - asked.days, true)

),

moved as (

    select
        windows.volume,
        windows.window_days,
        sets.source_id,
        coalesce(sources.tool, 'unknown') as tool,
        coalesce(instances.team, 'none') as team,
        sets.backup_type,
        sets.bytes,
        sets.start_day > first_day as is_new,
        coalesce(least(sets.planned_day, sets.gone_day) <= first_day, false) as was_gone,
        coalesce(least(sets.planned_day, sets.gone_day) <= last_day, false) as is_gone
    from sets
    inner join windows using (volume)
    left join {{ ref('stg_sources') }} as sources using (source_id)
    left join {{ ref('stg_instances') }} as instances using (instance_id)
    where sets.start_day <= last_day

),

tracked as (

    select
        volume,
        window_days,
        source_id,
        tool,
        team,
        backup_type,
        coalesce(sum(bytes) filter (not is_new and not was_gone), 0)::double as held_before_bytes,
        coalesce(sum(bytes) filter (is_new), 0)::double as added_bytes,
        coalesce(sum(bytes) filter (is_gone and not was_gone), 0)::double as gone_bytes
    from moved
    group by all

),

summed as (

    select
        volume,
        window_days,
        sum(held_before_bytes) as held_before_bytes,
        sum(held_before_bytes + added_bytes - gone_bytes) as held_bytes
    from tracked
    group by all

),

untracked as (

    select
        windows.volume,
        windows.window_days,
        used_before_bytes - coalesce(held_before_bytes, 0) as held_before_bytes,
        used_bytes - coalesce(held_bytes, 0) as held_bytes
    from windows
    left join summed using (volume, window_days)

),

final as (

    select
        volume,
        window_days,
        source_id,
        tool,
        team,
        backup_type,
        true as is_tracked,
        held_before_bytes,
        added_bytes,
        gone_bytes,
        held_before_bytes + added_bytes - gone_bytes as held_bytes
    from tracked
    where held_before_bytes > 0 or added_bytes > 0
    union all
    select
        volume,
        window_days,
        null as source_id,
        null as tool,
        null as team,
        null as backup_type,
        false as is_tracked,
        held_before_bytes,
        greatest(held_bytes - held_before_bytes, 0) as added_bytes,
        greatest(held_before_bytes - held_bytes, 0) as gone_bytes,
        held_bytes
    from untracked

)

select * from final
