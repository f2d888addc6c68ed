with source as (

    select * from {{ source('raw', 'log_archive') }}

)

select * from source
