-- All attempts of all time. One that runs far longer than its kind ever took, and never says it
-- ended, is lost. Questions about the present read int_attempts_recent.
with attempts as (

    select {{ attempt_columns() }} from {{ ref('stg_backup_jobs') }}

),

{{ judged_attempts() }},

final as (

    select * from judged

)

select * from final
