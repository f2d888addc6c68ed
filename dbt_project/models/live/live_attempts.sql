-- How the backups of each instance go, now: the newest attempt and success, what is open, what runs.
with {{ outdated_totals(ref('int_attempt_totals'), ref('int_attempts_kept')) }},

{{ recent_attempts(ref('int_attempts_kept'), of='asked') }},

{{ judged_attempts('recent', 'recent') }},

attempts as (

    {{ attempts_in_question('judged') }}

),

{{ attempt_totals() }},

final as (

    select * from totals
    union all
    select * exclude (is_settled) from {{ ref('int_attempt_totals') }}
    anti join asked using (instance_id)

)

select * from final
