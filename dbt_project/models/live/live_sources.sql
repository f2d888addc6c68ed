with sources as (

    select * from {{ ref('int_source_status') }}

),

final as (

    select
        source_id,
        tool,
        status,
        last_ok_at,
        last_pull_at,
        last_error,
        stale_after_s,
        {{ seconds_between('last_ok_at', cbcr_now()) }} as age_s,
        stale_at
    from sources

)

select * from final
