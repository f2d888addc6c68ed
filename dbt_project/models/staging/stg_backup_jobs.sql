with source as (

    {{ accepted('backup_jobs', ['source_id', 'attempt_key']) }}

)

select * from source
