-- Which attempts answered which scheduled run, of all time.
with {{ due_runs(ref('stg_scheduled_runs')) }},

{{ run_attempts(ref('int_backup_attempts')) }},

final as (

    select * from run_attempts

)

select * from final
