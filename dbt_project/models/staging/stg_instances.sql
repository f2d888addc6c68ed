with source as (

    select * from {{ source('raw', 'instances') }}

)

select * from source
