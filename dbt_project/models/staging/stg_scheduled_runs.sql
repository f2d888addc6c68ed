with source as (

    select * from {{ source('raw', 'scheduled_runs') }}

)

select * from source
