-- Every attempt that is open, young, or the newest of its kind, with the state that the clock gives
-- it: the same rows as int_backup_attempts without the closed past. Right before the first build,
-- between builds and at any past moment; it reads the whole history only where it must.
with {{ recent_attempts(ref('int_attempts_kept')) }},

{{ judged_attempts('recent', 'recent') }},

final as (

    select * exclude (kept_for) from judged

)

select * from final
