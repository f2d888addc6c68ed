with source as (

    {{ accepted('worker_samples', ['source_id', 'pool', 'sampled_at']) }}

)

select * from source
