with source as (

    {{ accepted('storage_samples', ['source_id', 'volume', 'sampled_at']) }}

)

select * from source
