-- Every moment of data that could be brought back, as of the last build.
with chains as (

    select * from {{ ref('int_backup_chains') }}

),

archives as (

    select * from {{ ref('int_archive_stretches') }}

),

final as (

    {{ recovery_points('chains', 'archives') }}

)

select * from final
