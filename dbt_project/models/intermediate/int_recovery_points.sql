-- Every moment of data that could be brought back, as of the last build. What is large is named where it
-- is read: a filter on an instance then reaches the tables.
with final as (

    {{ recovery_points(ref('int_backup_chains'), ref('int_archive_stretches')) }}

)

select * from final
