-- What became of each run that the schedule asked for, of all time.
with {{ run_outcomes(ref('int_run_attempts')) }},

final as (

    select * from outcomes

)

select * from final
