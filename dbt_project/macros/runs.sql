{#- Scheduled runs, the attempts that answer them, and what became of them: one definition for all of
    history, for what an incremental model says anew, and for what is due now. -#}

{#- CTEs up to `due`: runs of relation `runs` that were promised and whose time has come, each with
    the moment at which the next one of its kind takes over. -#}
{% macro due_runs(runs) -%}
    slots as (

        select
            runs.instance_id,
            runs.backup_type,
            runs.scheduled_at,
            runs.due_at,
            coalesce(
                lead(runs.scheduled_at) over (
                    partition by runs.instance_id, runs.backup_type order by runs.scheduled_at
                ),
                runs.due_at + interval 1 day
            ) as next_scheduled_at
        from {{ runs }} as runs
        inner join {{ ref('stg_instances') }} as instances using (instance_id)
        where
            runs.scheduled_at >= instances.protect_from
            and (instances.retired_at is null or runs.scheduled_at < instances.retired_at)
            and not exists (
                select 1 from (select unnest(instances.exclusions) as e) as windows
                where runs.scheduled_at >= e.start and runs.scheduled_at < e.stop
            )

    ),

    due as (

        select * from slots
        where scheduled_at <= {{ cbcr_now() }}

    )
{%- endmacro %}

{#- CTEs up to `run_attempts`: CTE `due` with the attempts of relation `attempts` that answer.
    A run lasts until the next one of its kind; whoever starts five minutes early means the run to
    come. A stronger backup answers for a weaker one. -#}
{% macro run_attempts(attempts) -%}
    kinds as (

        select distinct instance_id, backup_type from due

    ),

    candidates as (

        select
            attempts.instance_id,
            kinds.backup_type,
            attempts.source_id,
            attempts.attempt_key,
            attempts.started_at,
            attempts.state,
            attempts.started_at + interval 5 minute as reaches_at
        from {{ attempts }} as attempts
        inner join kinds using (instance_id)
        where
            attempts.started_at is not null
            and {{ strength('attempts.backup_type') }} >= {{ strength('kinds.backup_type') }}

    ),

    matched as (

        select
            candidates.*,
            due.scheduled_at
        from candidates
        asof inner join due
            on
                candidates.instance_id = due.instance_id
                and candidates.backup_type = due.backup_type
                and candidates.reaches_at >= due.scheduled_at
        where candidates.reaches_at < due.next_scheduled_at

    ),

    run_attempts as (

        select
            due.instance_id,
            due.backup_type,
            due.scheduled_at,
            due.due_at,
            matched.source_id,
            matched.attempt_key,
            matched.started_at,
            matched.state
        from due
        left join matched using (instance_id, backup_type, scheduled_at)

    )
{%- endmacro %}

{#- CTEs up to `outcomes`: what became of each run of relation `run_attempts`. -#}
{% macro run_outcomes(run_attempts) -%}
    answers as (

        select
            *,
            -- The first attempt that counts decides: somebody who cancels has not failed.
            row_number() over (
                partition by instance_id, backup_type, scheduled_at
                order by state = 'cancelled', started_at, source_id, attempt_key
            ) as try
        from {{ run_attempts }}

    ),

    runs as (

        select
            instance_id,
            backup_type,
            scheduled_at,
            any_value(due_at) as due_at,
            min(started_at) as first_attempt_at,
            max(state) filter (try = 1) as first_state,
            coalesce(bool_or({{ is_success('state') }}), false) as has_success,
            coalesce(bool_or(not {{ is_finished('state') }}), false) as is_running,
            coalesce(bool_and(state = 'cancelled'), false) as is_cancelled
        from answers
        group by all

    ),

    outcomes as (

        select
            runs.*,
            case
                when runs.first_attempt_at <= runs.due_at then
                    case
                        when {{ is_success('runs.first_state') }} then 'first_try'
                        when runs.has_success then 'eventual'
                        when runs.is_running then 'running'
                        when runs.is_cancelled then 'cancelled'
                        else 'failed'
                    end
                when runs.due_at >= {{ cbcr_now() }} then 'waiting'
                -- A late start answers later; the promise of this moment was missed all the same.
                when runs.first_attempt_at is not null then 'missed'
                -- No reading since it was due: blind. A source that is fresh without one speaks only
                -- when something happens, so its silence becomes an answer after an hour.
                when coalesce(seen.last_ok_at < runs.due_at, true)
                    and (
                        coalesce(seen.sources_stale, true)
                        or runs.due_at + interval 1 hour >= {{ cbcr_now() }}
                    )
                    then 'unknown'
                else 'missed'
            end as outcome
        from runs
        left join {{ ref('int_instance_sources') }} as seen using (instance_id)

    )
{%- endmacro %}

{#- CTEs up to `asked`: the runs that attempts of relation `anew` (instance_id, since) can answer, and
    all later ones. Mostly these are young; only where a kind that is promised has no run shortly
    before is the whole schedule of an instance read. -#}
{% macro runs_since(anew) -%}
    bounds as (

        select
            anew.instance_id,
            anew.since,
            anew.since - to_days({{ days_between_runs() }}) as from_at,
            anew.since >= {{ cbcr_now() }} - interval 40 day as is_young,
            (instances.full_schedule is not null)::integer
            + (instances.incr_schedule is not null)::integer as kinds
        from {{ anew }} as anew
        inner join {{ ref('stg_instances') }} as instances using (instance_id)

    ),

    young_runs as (

        select runs.*, runs.scheduled_at <= bounds.since + interval 5 minute as is_before
        from {{ ref('stg_scheduled_runs') }} as runs
        inner join bounds using (instance_id)
        where
            bounds.is_young
            and runs.scheduled_at >= bounds.from_at
            and runs.scheduled_at >= (
                select min(earliest.from_at) from bounds as earliest where earliest.is_young
            )

    ),

    covered as (

        select instance_id, count(distinct backup_type) as kinds
        from young_runs
        where is_before
        group by instance_id

    ),

    uncovered as (

        select bounds.instance_id
        from bounds
        left join covered using (instance_id)
        where not bounds.is_young or coalesce(covered.kinds, 0) < bounds.kinds

    ),

    asked as (

        select young_runs.* exclude (is_before) from young_runs
        anti join uncovered using (instance_id)
        union all
        select runs.* from {{ source('raw', 'scheduled_runs') }} as runs
        semi join uncovered using (instance_id)

    )
{%- endmacro %}
