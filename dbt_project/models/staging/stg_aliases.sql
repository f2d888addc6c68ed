with source as (

    select * from {{ source('raw', 'instance_aliases') }}

)

select * from source
