with source as (

    {{ accepted('restore_jobs', ['source_id', 'restore_key']) }}

)

select * from source
