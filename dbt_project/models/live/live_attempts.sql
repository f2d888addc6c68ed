-- How the backups of each instance go, now: the newest attempt and success, what is open, what runs.
with attempts as (

    {{ attempts_in_question() }}

),

summaries as (

    select
        instance_id,
        max(started_at) as last_attempt_at,
        arg_max(state, (started_at, source_id, attempt_key)) filter (started_at is not null)
            as last_attempt_state,
        max(finished_at) filter ({{ is_success('state') }}) as last_success_at,
        arg_max(
            coalesce(duration_s, {{ seconds_between('started_at', 'finished_at') }}), finished_at
        ) filter ({{ is_success('state') }} and started_at is not null) as last_success_s,
        min(coalesce(started_at, first_seen_at)) filter (not {{ is_finished('state') }})
            as running_since,
        min(lost_at) filter (not {{ is_finished('state') }}) as lost_at
    from attempts
    group by instance_id

),

{{ open_failures() }},

failing_kinds as (

    select instance_id, backup_type, count(*) as failures
    from open_failures
    group by instance_id, backup_type

),

failing as (

    select instance_id, max(failures) as consecutive_failures
    from failing_kinds
    group by instance_id

),

final as (

    select
        summaries.instance_id,
        summaries.last_attempt_at,
        summaries.last_attempt_state,
        summaries.last_success_at,
        summaries.last_success_s,
        coalesce(failing.consecutive_failures, 0) as consecutive_failures,
        summaries.running_since,
        summaries.lost_at
    from summaries
    left join failing using (instance_id)

)

select * from final
