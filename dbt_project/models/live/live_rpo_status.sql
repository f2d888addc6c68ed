-- What would be lost right now? Computed when read, so a published snapshot grows older honestly.
with instances as (

    select * from {{ ref('stg_instances') }}
    where
        protect_from <= {{ cbcr_now() }}
        and (retired_at is null or retired_at > {{ cbcr_now() }})

),

points as (

    select * from {{ ref('live_recovery_points') }}

),

-- The best copy counts: of equal points the one that lives longest. One number an instance is found far
-- faster than by sorting the points of each.
best as (

    select
        instance_id,
        arg_min(
            {
                'recovery_point_at': recovery_point_at,
                'source_id': source_id,
                'label': label,
                'usable_until': usable_until
            },
            (
                -epoch_us(recovery_point_at),
                -epoch_us(coalesce(usable_until, timestamp '9999-01-01')),
                source_id,
                repo,
                label
            )
        ) as point,
        max(recovery_point_at) filter (backup_type = 'archive') as archived_to
    from points
    where is_usable_now
    group by instance_id

),

newest as (

    select
        instance_id,
        point.recovery_point_at,
        point.source_id,
        point.label,
        point.usable_until,
        archived_to
    from best

),

-- A newer point that was lost: the promise broke when it went, not when the older one aged.
lost as (

    select
        points.instance_id,
        max(points.usable_until) as lost_at,
        arg_max(points.unusable_reason, points.usable_until) as lost_reason
    from points
    left join newest using (instance_id)
    where
        points.was_ever_usable
        and not points.is_usable_now
        and points.recovery_point_at
        > coalesce(newest.recovery_point_at, timestamp '1970-01-01')
    group by points.instance_id

),

attempts as (

    select * from {{ ref('live_attempts') }}

),

-- The next run that can still bring a backup in time: to come, or due and not begun. A run that goes
-- on is expected to take as long as the newest success took; so is the next one.
upcoming as (

    select
        runs.instance_id,
        min(runs.scheduled_at) as next_run_at
    from {{ ref('stg_scheduled_runs') }} as runs
    inner join instances using (instance_id)
    left join attempts using (instance_id)
    where
        runs.due_at >= {{ cbcr_now() }}
        and runs.scheduled_at > coalesce(attempts.last_attempt_at, timestamp '1970-01-01')
        + interval 5 minute
        and coalesce(runs.scheduled_at < instances.retired_at, true)
        and len([
            w for w in coalesce(instances.exclusions, [])
            if w.start <= runs.scheduled_at and w.stop > runs.scheduled_at
        ]) = 0
    group by runs.instance_id

),

landing as (

    select
        instances.instance_id,
        upcoming.next_run_at,
        least(
            {{ plus_seconds(
                'greatest(upcoming.next_run_at, ' ~ cbcr_now() ~ ')',
                'coalesce(attempts.last_success_s, 0)'
            ) }},
            case
                when attempts.running_since is not null
                    then greatest(
                        {{ plus_seconds(
                            'attempts.running_since', 'coalesce(attempts.last_success_s, 0)'
                        ) }},
                        {{ cbcr_now() }}
                    )
            end
        ) as lands_at
    from instances
    left join upcoming using (instance_id)
    left join attempts using (instance_id)

),

measured as (

    select
        instances.instance_id,
        instances.team,
        instances.tier,
        instances.db_type,
        instances.environment,
        instances.storage_volume,
        instances.rpo_s as objective_s,
        instances.protect_from,
        instances.retired_at,
        newest.recovery_point_at,
        newest.source_id,
        newest.label,
        newest.usable_until,
        -- A backup that has just ended is ahead of the archive, which goes on all the same.
        {{ plus_seconds('newest.archived_to', 'instances.rpo_s') }} as archive_counts_until,
        landing.next_run_at,
        landing.lands_at,
        lost.lost_at,
        lost.lost_reason,
        attempts.last_attempt_at,
        attempts.last_attempt_state,
        attempts.last_success_at,
        attempts.consecutive_failures,
        seen.sources_stale,
        seen.stale_at,
        seen.last_ok_at,
        seen.source_count,
        {{ seconds_between('newest.recovery_point_at', cbcr_now()) }} as exposure_s,
        {{ plus_seconds(
            'coalesce(newest.recovery_point_at, instances.protect_from)', 'instances.rpo_s'
        ) }} as breaks_at,
        {{ plus_seconds('newest.recovery_point_at', '0.75 * instances.rpo_s') }} as approaches_at
    from instances
    left join newest using (instance_id)
    left join lost using (instance_id)
    left join attempts using (instance_id)
    left join landing using (instance_id)
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

),

projected as (

    select
        *,
        coalesce(
            coalesce(archive_counts_until < {{ cbcr_now() }}, true)
            and breaks_at >= {{ cbcr_now() }}
            and breaks_at < lands_at,
            false
        ) as is_projected
    from measured

),

judged as (

    select
        *,
        case
            when sources_stale or objective_s is null then 'unknown'
            when recovery_point_at is null and lost_at is null and breaks_at >= {{ cbcr_now() }}
                then 'unknown'
            when recovery_point_at is null then 'breached'
            when breaks_at < {{ cbcr_now() }} then 'breached'
            when approaches_at < {{ cbcr_now() }} or is_projected then 'approaching'
            else 'ok'
        end as status,
        case
            when sources_stale and source_count = 0 then 'no_source'
            when sources_stale then 'source_stale'
            when objective_s is null then 'no_objective'
            when recovery_point_at is null and lost_at is not null then lost_reason
            when recovery_point_at is null and breaks_at >= {{ cbcr_now() }} then 'onboarding'
            when recovery_point_at is null then 'never_backed_up'
            when breaks_at < {{ cbcr_now() }} then coalesce(lost_reason, 'too_old')
            when is_projected then 'projected'
            when approaches_at < {{ cbcr_now() }} then 'ageing'
            else 'fresh'
        end as reason
    from projected

),

final as (

    select
        instance_id,
        team,
        tier,
        db_type,
        environment,
        storage_volume,
        status,
        reason,
        objective_s,
        exposure_s,
        exposure_s / nullif(objective_s, 0) as ratio,
        recovery_point_at,
        source_id,
        label,
        case
            when reason = 'source_stale' and stale_at < {{ cbcr_now() }} then stale_at
            when status = 'unknown' then protect_from
            when status = 'breached' and recovery_point_at is null
                then coalesce(lost_at, breaks_at)
            when status = 'breached' then greatest(breaks_at, lost_at)
            when status = 'approaching' and approaches_at < {{ cbcr_now() }} then approaches_at
            when status = 'approaching' then recovery_point_at
        end as since,
        -- One microsecond later, for equal to the objective is still compliant.
        least(
            case
                when status = 'ok' then approaches_at
                when status in ('approaching', 'unknown') and not sources_stale then breaks_at
            end,
            -- A run that has begun brings the next one into sight, and so does one that is missed.
            case
                when status in ('ok', 'approaching') and next_run_at > {{ cbcr_now() }}
                    then next_run_at
            end,
            case
                when status = 'ok' and archive_counts_until >= {{ cbcr_now() }}
                    then archive_counts_until
            end,
            case when not sources_stale then usable_until end,
            case when not sources_stale then stale_at end,
            retired_at
        ) + interval 1 microsecond as changes_at,
        next_run_at,
        lands_at,
        last_attempt_at,
        last_attempt_state,
        last_success_at,
        coalesce(consecutive_failures, 0) as consecutive_failures,
        sources_stale,
        protect_from
    from judged

)

select * from final
