-- One row an episode of an alert: how soon it was told, taken care of, and over, and how much noise
-- it made. Times of people begin when the engine found it, not when the promise broke.
with episodes as (

    select * from {{ source('alerts', 'alert_episodes') }}

),

deliveries as (

    select * from {{ ref('stg_alert_deliveries') }}

),

journal as (

    select * from {{ source('alerts', 'alert_journal') }}

),

told as (

    select
        fingerprint,
        episode,
        count(*) filter (delivered) as messages,
        count(*) filter (delivered and kind = 'repeat') as repeats,
        count(*) filter (delivered and kind = 'escalation') as escalations,
        count(*) filter (not delivered) as undelivered,
        min(done_at) filter (delivered and says <> 'resolved') as first_told_at,
        median(delay_s) filter (delivered) as delivery_delay_s
    from deliveries
    group by fingerprint, episode

),

answered as (

    select
        fingerprint,
        n as episode,
        min(happened_at) as acknowledged_at,
        min_by(detail, happened_at) as acknowledged_by
    from journal
    where what = 'acknowledged'
    group by fingerprint, n

),

final as (

    select
        episodes.fingerprint,
        episodes.n as episode,
        episodes.rule,
        episodes.subject_kind,
        episodes.subject_id,
        episodes.team,
        episodes.severity,
        episodes.started_at,
        episodes.opened_at,
        told.first_told_at,
        answered.acknowledged_at,
        answered.acknowledged_by,
        episodes.resolved_at,
        {{ seconds_between('episodes.opened_at', 'told.first_told_at') }} as time_to_tell_s,
        {{ seconds_between('episodes.opened_at', 'answered.acknowledged_at') }}
            as time_to_acknowledge_s,
        {{ seconds_between('episodes.opened_at', 'episodes.resolved_at') }} as time_to_resolve_s,
        told.delivery_delay_s,
        coalesce(told.messages, 0) as messages,
        coalesce(told.repeats, 0) as repeats,
        coalesce(told.escalations, 0) as escalations,
        coalesce(told.undelivered, 0) as undelivered,
        episodes.raised,
        episodes.flapping
    from episodes
    left join told
        on episodes.fingerprint = told.fingerprint and episodes.n = told.episode
    left join answered
        on episodes.fingerprint = answered.fingerprint and episodes.n = answered.episode

)

select * from final
