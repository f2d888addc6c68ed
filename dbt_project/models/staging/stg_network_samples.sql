with source as (

    {{ accepted('network_samples', ['source_id', 'link', 'sampled_at']) }}

)

select * from source
