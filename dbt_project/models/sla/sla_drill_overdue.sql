-- Is it too long ago that a restore of the instance was proven? A failed drill proves nothing.
with drills as (

    select
        *,
        {{ plus_seconds('due_at', '-0.1 * drill_every_s') }} as approaches_at
    from {{ ref('int_drill_status') }}
    where drill_state <> 'not_promised'

),

tellers as (

    select distinct instance_id, source_id
    from {{ ref('stg_restore_jobs') }}
    where instance_id is not null

),

-- Who tells of its drills is rarely who tells of its backups.
heard as (

    select
        tellers.instance_id,
        bool_and(status.status <> 'ok') as sources_stale,
        max(status.last_ok_at) as last_ok_at,
        max(status.stale_at) as stale_at
    from tellers
    inner join {{ ref('int_source_status') }} as status using (source_id)
    group by tellers.instance_id

),

watched as (

    select
        drills.*,
        coalesce(last_proven_at, protect_from) as counts_from,
        coalesce(heard.sources_stale, seen.sources_stale, false) as is_stale,
        case when heard.instance_id is null then seen.last_ok_at else heard.last_ok_at end
            as last_ok_at,
        case when heard.instance_id is null then seen.stale_at else heard.stale_at end as stale_at
    from drills
    left join heard using (instance_id)
    left join {{ ref('int_instance_sources') }} as seen using (instance_id)

),

measured as (

    select
        *,
        -- The drill may have been, and we did not hear of it.
        drill_state = 'overdue' and is_stale and coalesce(last_ok_at < due_at, true) as is_blind
    from watched

),

judged as (

    select
        'instance' as subject_kind,
        instance_id as subject_id,
        case
            when drill_state = 'unknown' or is_blind then 'unknown'
            when drill_state = 'overdue' then 'breached'
            when approaches_at < {{ cbcr_now() }} then 'approaching'
            else 'ok'
        end as status,
        case
            when drill_state in ('current', 'waiting') and approaches_at >= {{ cbcr_now() }}
                then 'info'
            else 'warning'
        end as severity,
        {{ seconds_between('counts_from', cbcr_now()) }} as value,
        drill_every_s as objective,
        's' as unit,
        case
            when drill_state = 'overdue' then due_at
            when approaches_at < {{ cbcr_now() }} then approaches_at
        end as since,
        -- Equal to what was promised is still kept, hence one microsecond later.
        least(
            case
                when approaches_at >= {{ cbcr_now() }} then approaches_at
                when due_at >= {{ cbcr_now() }} then due_at
            end,
            case
                when drill_state = 'overdue' and not is_blind and last_ok_at < due_at
                    and stale_at >= {{ cbcr_now() }} then stale_at
            end,
            retired_at
        ) + interval 1 microsecond as changes_at,
        team,
        {{ instance_labels() }} as labels,
        case
            when drill_state = 'unknown'
                then instance_id || ' was never proven to be restorable, and nobody knows since when'
                    || ' it is protected'
            when is_blind
                then instance_id || ': a proven restore was due by ' || {{ utc_text('due_at') }}
                    || ', and we cannot see whether there was one'
            when last_proven_at is null and drill_state = 'overdue'
                then instance_id || ' was never proven to be restorable; the first drill was due by '
                    || {{ utc_text('due_at') }}
            when last_proven_at is null
                then instance_id || ' was not proven to be restorable yet; its first drill is due by '
                    || {{ utc_text('due_at') }}
            else instance_id || ' was last proven to be restorable at '
                || {{ utc_text('last_proven_at') }} || ', ' || {{ human_seconds('age_s') }}
                || ' ago; promised is every ' || {{ human_seconds('drill_every_s') }}
        end || case
            when last_failed_at > coalesce(last_proven_at, timestamp '1970-01-01')
                then '; the drill of ' || {{ utc_text('last_failed_at') }} || ' failed'
            else ''
        end as summary
    from measured

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'drill_overdue') }}
