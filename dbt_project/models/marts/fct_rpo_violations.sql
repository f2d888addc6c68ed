-- Closed intervals only: the tail that is still open has no end, live_rpo_status tells it.
-- The first cause that applies counts: never_backed_up, expired or corrupt (a point that would have
-- kept the promise was lost before), missed (the newest run that was due before it ended), failed,
-- archive_stalled (the newest point was an archive), late (a success ended inside of it), unknown.
-- Causes rest on attempts and runs as well: an interval is said anew when one of them has news.
-- depends_on: {{ ref('stg_instances') }}
-- depends_on: {{ ref('stg_backup_jobs') }}
-- depends_on: {{ ref('int_rpo_scope') }}
-- depends_on: {{ ref('int_recovery_points') }}
-- depends_on: {{ ref('int_scheduled_runs') }}
-- depends_on: {{ ref('int_open_sets') }}
-- depends_on: {{ ref('stg_scheduled_runs') }}
-- depends_on: {{ ref('int_instance_sources') }}
-- depends_on: {{ source('raw', 'scheduled_runs') }}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ drop_violations() }}",
    post_hook="{{ mark_built() }}"
) }}

with intervals as (

    select * from {{ ref('int_rpo_intervals') }}
    where not is_open

),

closed as (

    select
        intervals.instance_id,
        intervals.started_at,
        intervals.ended_at,
        intervals.objective_s,
        {{ plus_seconds('intervals.started_at', '-intervals.objective_s') }} as looked_from
    from intervals
    {% if continues() -%}
        semi join ({{ violations_scope() }}) as scope
            on
                intervals.instance_id = scope.instance_id
                and intervals.ended_at >= scope.from_at
                and intervals.started_at <= scope.to_at
    {%- endif %}

),

reach as (

    select
        instance_id,
        min(looked_from) as looked_from,
        min(started_at) as started_at,
        max(objective_s) as objective_s
    from closed
    group by instance_id

),

-- Nothing that ended before the first look of its instance can be a cause; who started shortly before
-- a run was due answers for it. Most looks are young: only for the others is all of history read.
attempts as (

    {% for which in (['young', 'long', 'old'] if continues() else ['all']) -%}
    select
        attempts.instance_id,
        attempts.source_id,
        attempts.attempt_key,
        attempts.backup_type,
        attempts.state,
        attempts.started_at,
        attempts.finished_at
    from {{ ref('fct_backup_attempts') }} as attempts
    inner join (
        select * from reach
        {% if which != 'all' -%}
            where (looked_from >= {{ cbcr_now() }} - interval 40 day) = {{ which != 'old' }}
        {%- endif %}
    ) as reach using (instance_id)
    where
        coalesce(attempts.finished_at, attempts.started_at)
        >= reach.looked_from - interval 5 minute
        {% if which == 'young' -%}
        and attempts.started_at >= {{ cbcr_now() }} - interval 42 day
        {%- elif which == 'long' -%}
        and attempts.started_at < {{ cbcr_now() }} - interval 42 day
        and attempts.finished_at >= {{ cbcr_now() }} - interval 41 day
        {%- endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

failures as (

    select instance_id, max(started_at) as at from attempts
    where state in ('failed', 'lost')
    group by instance_id, started_at

),

successes as (

    select distinct instance_id, finished_at as at from attempts
    where {{ is_success('state') }} and finished_at is not null

),

{% if continues() -%}

asked_since as (

    select instance_id, looked_from as since from reach

),

{{ runs_since('asked_since') }},

{{ due_runs('asked') }},

{{ run_attempts('attempts') }},

{{ run_outcomes('run_attempts') }},

{% else -%}

outcomes as (

    select * from {{ ref('int_scheduled_runs') }}

),

{% endif -%}

settled_runs as (

    select
        outcomes.instance_id,
        outcomes.scheduled_at as at,
        arg_max(outcomes.outcome, outcomes.backup_type = 'full') as outcome
    from outcomes
    inner join reach using (instance_id)
    where outcomes.outcome <> 'waiting' and outcomes.scheduled_at >= reach.looked_from
    group by all

),

-- Only where there is an archive does it matter what the newest point was.
archived as (

    select distinct instance_id from {{ ref('int_archive_stretches') }}

),

{% if continues() -%}

{{ points_of_causes('reach', 'archived') }},

{% else -%}

firsts as (

    select instance_id, min(usable_from) as usable_from from {{ ref('int_recovery_points') }}
    where was_ever_usable
    group by instance_id

),

points as (

    select
        points.instance_id,
        points.backup_type,
        points.recovery_point_at,
        points.usable_from,
        points.usable_until,
        points.unusable_reason
    from {{ ref('int_recovery_points') }} as points
    inner join reach using (instance_id)
    left join archived using (instance_id)
    where
        points.was_ever_usable
        and (
            archived.instance_id is not null
            or {{ seconds_between('points.recovery_point_at', 'points.usable_until') }}
            < reach.objective_s
        )

),

{% endif -%}

-- The newest of all points that could be used by then.
newest as (

    select
        instance_id,
        usable_from as moment,
        arg_max(backup_type, recovery_point_at) over (
            partition by instance_id order by usable_from
        ) as backup_type
    from points
    semi join archived using (instance_id)
    qualify row_number() over (partition by instance_id, usable_from) = 1

),

-- A point that would have kept the promise, had it not been lost so soon: few were.
lost_young as (

    select points.*
    from points
    inner join reach using (instance_id)
    where {{ seconds_between('points.recovery_point_at', 'points.usable_until') }} < reach.objective_s

),

lost as (

    select
        closed.instance_id,
        closed.started_at,
        arg_max(lost_young.unusable_reason, lost_young.recovery_point_at) as reason
    from closed
    inner join lost_young
        on
            closed.instance_id = lost_young.instance_id
            and closed.looked_from < lost_young.recovery_point_at
            and closed.started_at >= lost_young.usable_until
    group by all

),

looked_up as (

    select
        closed.*,
        lost.reason as lost_reason,
        newest.backup_type as newest_type,
        coalesce(firsts.usable_from >= closed.started_at, true) as was_never_backed_up,
        case when settled_runs.at >= closed.looked_from then settled_runs.outcome end
            as newest_outcome,
        coalesce(failures.at >= closed.looked_from, false) as has_failure,
        coalesce(successes.at > closed.started_at, false) as has_late_success
    from closed
    left join lost using (instance_id, started_at)
    left join firsts using (instance_id)
    asof left join newest
        on closed.instance_id = newest.instance_id and closed.started_at > newest.moment
    asof left join settled_runs
        on closed.instance_id = settled_runs.instance_id and closed.ended_at > settled_runs.at
    asof left join failures
        on closed.instance_id = failures.instance_id and closed.ended_at > failures.at
    asof left join successes
        on closed.instance_id = successes.instance_id and closed.ended_at >= successes.at

),

final as (

    select
        instance_id,
        started_at,
        ended_at,
        {{ seconds_between('started_at', 'ended_at') }} as duration_s,
        objective_s,
        case
            when was_never_backed_up then 'never_backed_up'
            when lost_reason like '%expired' then 'expired'
            when lost_reason like '%corrupt' then 'corrupt'
            when newest_outcome = 'missed' then 'missed'
            when has_failure then 'failed'
            when newest_type = 'archive' then 'archive_stalled'
            when has_late_success then 'late'
            else 'unknown'
        end as cause
    from looked_up

)

select * from final
order by {{ page_order('started_at') }}
