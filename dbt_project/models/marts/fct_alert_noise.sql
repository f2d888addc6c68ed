-- How much noise a rule makes a day: episodes that were over by themselves before anybody took care
-- within a quarter of an hour told nobody anything that mattered.
with history as (

    select * from {{ ref('fct_alert_history') }}

),

final as (

    select
        cast(opened_at as date) as day,
        rule,
        team,
        count(*) as episodes,
        count(distinct subject_kind || '/' || subject_id) as subjects,
        cast(sum(messages) as bigint) as messages,
        count(*) filter (acknowledged_at is not null) as acknowledged,
        count(*) filter (resolved_at is null) as still_open,
        count(*) filter (time_to_resolve_s <= 900 and acknowledged_at is null) as short_lived,
        median(time_to_acknowledge_s) as time_to_acknowledge_s,
        median(time_to_resolve_s) as time_to_resolve_s,
        median(delivery_delay_s) as delivery_delay_s
    from history
    group by cast(opened_at as date), rule, team

)

select * from final
