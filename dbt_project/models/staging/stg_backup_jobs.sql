with source as (

    select * from {{ source('raw', 'backup_jobs') }}

)

select * from source
