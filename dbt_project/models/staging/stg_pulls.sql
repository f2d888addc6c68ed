with source as (

    select * from {{ source('raw', 'pulls') }}

)

select * from source
