-- Did the newest restore that shows it take longer than was promised, or fail? A restore in flight
-- shows it as soon as it has run for too long; one that nobody verified heals nothing.
with restores as (

    select * from {{ ref('int_restores') }}
    where
        instance_id is not null
        and outcome <> 'cancelled'
        -- A copy for other purposes that nobody verified is no try at the promise.
        and (purpose in ('drill', 'real') or outcome in ('proven', 'untimed'))

),

instances as (

    select
        *,
        rto_s as objective_s
    from {{ ref('stg_instances') }}
    where
        rto_s > 0
        and coalesce(protect_from <= {{ cbcr_now() }}, true)
        and (retired_at is null or retired_at > {{ cbcr_now() }})

),

newest as (

    select *
    from restores
    where outcome <> 'running' or meets_rto is not null
    qualify
        row_number() over (
            partition by instance_id
            order by
                meets_rto is not null desc,
                begun_at desc,
                ended_at desc,
                source_id,
                restore_key
        ) = 1

),

-- A restore in flight breaks the promise when it has run for longer than that.
running as (

    select
        instance_id,
        min({{ plus_seconds('requested_at', 'objective_s') }}) as breaks_at
    from restores
    where outcome = 'running' and meets_rto is null
    group by instance_id

),

measured as (

    select
        instances.instance_id,
        instances.team,
        instances.tier,
        instances.environment,
        instances.db_type,
        instances.objective_s,
        instances.retired_at,
        newest.purpose,
        newest.outcome,
        newest.state,
        newest.error_code,
        newest.requested_at,
        newest.begun_at,
        newest.ended_at,
        newest.meets_rto,
        coalesce(newest.rto_s, newest.at_least_s) as value_s,
        running.breaks_at,
        newest.instance_id is null as is_first,
        case newest.purpose when 'real' then 'the restore' when 'drill' then 'the drill'
            else 'the verified restore' end as what
    from instances
    left join newest using (instance_id)
    left join running using (instance_id)
    where newest.instance_id is not null or running.instance_id is not null

),

judged as (

    select
        'instance' as subject_kind,
        instance_id as subject_id,
        case when meets_rto then 'ok' when not meets_rto then 'breached' else 'unknown' end as status,
        case
            when meets_rto then 'info'
            when not meets_rto and (purpose = 'real' or tier = 1) then 'critical'
            else 'warning'
        end as severity,
        value_s as value,
        objective_s as objective,
        's' as unit,
        case
            when meets_rto then null
            when outcome in ('running', 'unproven') and not meets_rto
                then {{ plus_seconds('requested_at', 'objective_s') }}
            else coalesce(ended_at, begun_at)
        end as since,
        least(breaks_at, retired_at) + interval 1 microsecond as changes_at,
        team,
        {{ instance_labels('error_code') }} as labels,
        case
            when is_first
                then instance_id || ': its first restore is running, so nobody knows yet'
            when outcome = 'proven'
                then instance_id || ': ' || what || ' asked for at ' || {{ utc_text('requested_at') }}
                    || ' took ' || {{ human_seconds('value_s') }} || ' until the data was proven, '
                    || {{ human_seconds('objective_s') }} || ' are promised'
            when outcome = 'running' and not meets_rto
                then instance_id || ': ' || what || ' asked for at ' || {{ utc_text('requested_at') }}
                    || ' still runs after ' || {{ human_seconds('value_s') }} || ', '
                    || {{ human_seconds('objective_s') }} || ' are promised'
            when state = 'lost'
                then instance_id || ': ' || what || ' begun at ' || {{ utc_text('begun_at') }}
                    || ' never said that it ended; ' || {{ human_seconds('objective_s') }}
                    || ' are promised'
            when outcome = 'failed'
                then instance_id || ': ' || what || ' of ' || {{ utc_text('ended_at') }}
                    || ' failed, so the promise of ' || {{ human_seconds('objective_s') }}
                    || ' was not kept'
            when outcome = 'unproven' and not meets_rto
                then instance_id || ': ' || what || ' asked for at ' || {{ utc_text('requested_at') }}
                    || ' took ' || {{ human_seconds('value_s') }}
                    || ' even without a verification, ' || {{ human_seconds('objective_s') }}
                    || ' are promised'
            when outcome = 'unproven'
                then instance_id || ': nobody verified ' || what || ' of '
                    || {{ utc_text('ended_at') }} || ', so it proves nothing'
            when outcome = 'contradictory'
                then instance_id || ': the times of ' || what || ' of ' || {{ utc_text('ended_at') }}
                    || ' contradict each other, so nobody knows how long it took'
            else instance_id || ': ' || what || ' of ' || {{ utc_text('ended_at') }}
                || ' does not say when it was asked for or proven, so nobody knows how long it took'
        end as summary
    from measured

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'rto_breached') }}
