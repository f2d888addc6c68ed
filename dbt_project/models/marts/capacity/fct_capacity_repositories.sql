-- What each repository holds by its catalog, what goes and what came, and how its volume will be.
with sets as (

    select * from {{ ref('int_capacity_sets') }}

),

today as (

    select {{ day_number(cbcr_now()) }} as day_number

),

held as (

    select
        source_id,
        repo,
        volume,
        start_day > day_number - 30 as is_young,
        planned_day,
        day_number,
        instance_id,
        bytes,
        coalesce(planned_day > day_number, true) and coalesce(gone_day > day_number, true) as is_held
    from sets
    cross join today

),

final as (

    select
        held.source_id,
        held.repo,
        held.volume,
        count(distinct instance_id) filter (is_held) as instances,
        count(*) filter (is_held) as sets,
        (coalesce(sum(bytes) filter (is_held), 0))::bigint as held_bytes,
        (coalesce(sum(bytes) filter (is_young), 0))::bigint as added_30d_bytes,
        (coalesce(sum(bytes) filter (is_held and planned_day <= day_number + 30), 0))::bigint
            as expiring_30d_bytes,
        count(*) filter (is_held and planned_day is null) as sets_without_expiry,
        any_value(forecasts.status) as volume_status,
        any_value(forecasts.days_to_full_p10) as days_to_full_p10,
        any_value(forecasts.days_to_full_p50) as days_to_full_p50
    from held
    left join {{ ref('fct_capacity_forecast') }} as forecasts using (volume)
    group by all

)

select * from final
