-- Log waits for its archive, as the newest look saw it. An idle database has nothing that waits, so
-- the age of the last archived log alone says nothing.
with instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

looks as (

    select * from {{ ref('stg_log_archive') }}
    where
        instance_id is not null
        and sampled_at <= {{ cbcr_now() }}
        and sampled_at > {{ cbcr_now() }} - interval 8 day
        and (pending_count is not null or failed_count is not null)

),

compared as (

    select
        *,
        lag(failed_count) over w as failed_before,
        lag(last_archived_at) over w as archived_before,
        -- Nothing waited then: what waits now was written later.
        max(sampled_at) filter (pending_count = 0) over w as nothing_waited_at,
        min(sampled_at) over w as first_looked_at,
        row_number() over (
            partition by instance_id, source_id, native_instance order by sampled_at desc
        ) as age
    from looks
    window
        w as (
            partition by instance_id, source_id, native_instance order by sampled_at
        )

),

newest as (

    select
        *,
        coalesce(greatest(last_archived_at, nothing_waited_at), first_looked_at) as waits_since,
        coalesce(
            failed_count > failed_before
            and last_archived_at is not distinct from archived_before,
            false
        ) as is_failing
    from compared
    where age = 1

),

measured as (

    select
        newest.*,
        instances.team,
        instances.tier,
        instances.environment,
        instances.db_type,
        instances.rpo_s,
        {{ seconds_between('newest.waits_since', 'newest.sampled_at') }} as waited_s,
        coalesce(newest.pending_count > 0, newest.is_failing) as is_waiting,
        coalesce(seen.sources_stale, true) as is_blind,
        seen.stale_at
    from newest
    inner join instances using (instance_id)
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

),

statuses as (

    select
        *,
        case
            when is_blind then 'unknown'
            when is_waiting and (waited_s > rpo_s or is_failing) then 'breached'
            when is_waiting and waited_s > 0.75 * rpo_s then 'approaching'
            else 'ok'
        end as status
    from measured

),

-- An instance may be looked at by several sources: the worst of them.
worst as (

    select * from statuses
    qualify
        row_number() over (
            partition by instance_id
            order by
                list_position(['breached', 'approaching', 'unknown', 'ok'], status),
                waited_s desc, source_id, native_instance
        ) = 1

),

judged as (

    select
        'instance' as subject_kind,
        instance_id as subject_id,
        status,
        case
            when status = 'ok' then 'info'
            when status = 'breached' and tier = 1 then 'critical'
            else 'warning'
        end as severity,
        case when is_waiting then waited_s else 0 end as value,
        rpo_s as objective,
        's' as unit,
        case
            when status = 'unknown' then stale_at
            when status = 'approaching' then {{ plus_seconds('waits_since', '0.75 * rpo_s') }}
            when status = 'breached' and waited_s > rpo_s then {{ plus_seconds('waits_since', 'rpo_s') }}
            when status = 'breached' then sampled_at
        end as since,
        -- The next look says more; without one we are blind.
        case when status <> 'unknown' and stale_at >= {{ cbcr_now() }} then stale_at end
        + interval 1 microsecond as changes_at,
        team,
        {{ instance_labels() }} as labels,
        case
            when status = 'unknown'
                then instance_id || ': all its sources are stale, so we cannot see whether its log is'
                    || ' archived; seen last at ' || {{ utc_text('sampled_at') }}
            when not is_waiting
                then instance_id || ': nothing waited for its log archive at '
                    || {{ utc_text('sampled_at') }}
            else instance_id || ': ' || coalesce(pending_count || ' log files wait', 'log waits')
                || ' for the archive since ' || {{ utc_text('waits_since') }}
                || coalesce(
                    '; the last one was archived at ' || {{ utc_text('last_archived_at') }},
                    '; none was ever archived'
                )
                || case
                    when is_failing then '; archiving fails, ' || failed_count || ' times so far' else ''
                end
        end as summary
    from worst

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'log_archive_stalled') }}
