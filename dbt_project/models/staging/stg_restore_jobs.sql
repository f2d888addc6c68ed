with source as (

    select * from {{ source('raw', 'restore_jobs') }}

)

select * from source
