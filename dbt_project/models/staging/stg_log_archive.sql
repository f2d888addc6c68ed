with source as (

    {{ accepted('log_archive', ['source_id', 'native_instance', 'sampled_at']) }}

)

select * from source
