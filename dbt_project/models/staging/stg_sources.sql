with source as (

    select * from {{ source('raw', 'sources') }}

)

select * from source
