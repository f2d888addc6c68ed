with source as (

    {{ accepted('storage_samples', ['source_id', 'volume', 'sampled_at']) }}

),

final as (

    -- Who tells only how much room is left has told what is used.
    select
        * exclude (used_bytes),
        coalesce(used_bytes, size_bytes - avail_bytes) as used_bytes
    from source

)

select * from final
