-- A failure is open until a backup of equal or greater strength succeeds.
with attempts as (

    {{ attempts_in_question() }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

{{ open_failures() }},

worst as (

    select
        instance_id,
        count(*) as failures,
        min(ended_at) as since,
        arg_max(state, ended_at) as state,
        arg_max(backup_type, ended_at) as backup_type,
        max(ended_at) as ended_at,
        arg_max(coalesce(error_code, ''), ended_at) as error_code,
        arg_max(coalesce(error_text, ''), ended_at) as error_text,
        arg_max(coalesce(tool, ''), ended_at) as tool
    from open_failures
    group by instance_id

),

running as (

    select instance_id, min(lost_at) as lost_at
    from attempts
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
        case when worst.instance_id is null then 'ok' else 'breached' end as status,
        case
            when worst.instance_id is null then 'info'
            when instances.tier = 1 then 'critical'
            else 'warning'
        end as severity,
        coalesce(worst.failures, 0) as value,
        0 as objective,
        'failures' as unit,
        worst.since,
        running.lost_at as changes_at,
        instances.team,
        {{ instance_labels("nullif(error_code, '')", 'instances.storage_volume') }} as labels,
        case
            when worst.instance_id is null
                then instances.instance_id || ': the newest finished backup of each kind succeeded'
            when worst.state = 'lost'
                then instances.instance_id || ': ' || coalesce(worst.backup_type, 'a')
                    || ' backup by ' || worst.tool || ' started at ' || {{ utc_text('worst.ended_at') }}
                    || ' and never said that it ended'
            else instances.instance_id || ': ' || coalesce(worst.backup_type, 'a')
                || ' backup by ' || worst.tool || ' failed at ' || {{ utc_text('worst.ended_at') }}
                || case
                    when worst.error_code = '' or starts_with(worst.error_text, '[') then ''
                    else ' [' || worst.error_code || ']'
                end
                || case when worst.error_text <> '' then ' ' || worst.error_text else '' end
        end as summary
    from instances
    semi join seen using (instance_id)
    left join worst using (instance_id)
    left join running using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 'failures' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'backup_failed') }}
