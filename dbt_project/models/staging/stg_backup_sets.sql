with source as (

    select * from {{ source('raw', 'backup_sets') }}

)

select * from source
