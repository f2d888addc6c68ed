with source as (

    {{ accepted('backup_sets', ['source_id', 'repo', 'label']) }}

)

select * from source
