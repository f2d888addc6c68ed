-- What each receiver was told about each episode, and when it had it.
with deliveries as (

    select * from {{ source('alerts', 'alert_deliveries') }}

),

final as (

    select
        outbox_id,
        fingerprint,
        n as episode,
        receiver,
        kind,
        says,
        created_at,
        done_at,
        state = 'sent' as delivered,
        {{ seconds_between('created_at', 'done_at') }} as delay_s
    from deliveries

)

select * from final
