with source as (

    {{ accepted('queue_samples', ['source_id', 'queue', 'sampled_at']) }}

)

select * from source
