-- An attempt began, never said that it ended, and nothing as strong that began later succeeded.
with attempts as (

    {{ attempts_in_question() }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

{{ open_failures() }},

oldest as (

    select
        *,
        coalesce(started_at, first_seen_at) as begun_at,
        count(*) over (partition by instance_id) as number
    from open_attempts
    where state = 'lost'
    qualify
        row_number() over (
            partition by instance_id
            order by coalesce(started_at, first_seen_at), source_id, attempt_key
        ) = 1

),

running as (

    select instance_id, min(lost_at) as lost_at
    from open_attempts
    where not {{ is_finished('state') }}
    group by instance_id

),

seen as (

    select distinct instance_id from attempts

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case when oldest.instance_id is null then 'ok' else 'breached' end as status,
        -- That there is no backup is told, and called, by backup_failed.
        case when oldest.instance_id is null then 'info' else 'warning' end as severity,
        {{ seconds_between('oldest.begun_at', cbcr_now()) }} as value,
        {{ seconds_between('oldest.begun_at', 'oldest.lost_at') }} as objective,
        's' as unit,
        coalesce(oldest.lost_at, oldest.ended_at) as since,
        case when oldest.instance_id is null then running.lost_at end as changes_at,
        instances.team,
        {{ instance_labels() }} as labels,
        case
            when oldest.instance_id is null
                then instances.instance_id || ': every backup that began has said how it ended'
            else instances.instance_id || ': the ' || coalesce(oldest.backup_type || ' ', '')
                || 'backup by ' || coalesce(oldest.tool, 'its tool') || ' that began at '
                || {{ utc_text('oldest.begun_at') }} || ' never said that it ended'
                || coalesce(', backups of its kind take '
                || {{ human_seconds(seconds_between('oldest.begun_at', 'oldest.lost_at')) }}
                || ' at most', '')
                || coalesce('; look for it on ' || oldest.worker, '')
                || case
                    when oldest.number > 1 then '; so did ' || (oldest.number - 1) || ' more' else ''
                end
        end as summary
    from instances
    semi join seen using (instance_id)
    left join oldest using (instance_id)
    left join running using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'backup_lost') }}
