-- Several failures in a row of one kind: not a bad night any more, nobody is mending it.
with attempts as (

    {{ attempts_in_question() }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

{{ open_failures() }},

in_a_row as (

    select
        *,
        coalesce(lost_at, ended_at) as failed_at,
        row_number() over (
            partition by instance_id, backup_type
            order by coalesce(lost_at, ended_at), source_id, attempt_key
        ) as number
    from open_failures

),

kinds as (

    select
        instance_id,
        backup_type,
        count(*) as failures,
        min(failed_at) as first_at,
        min(failed_at) filter (number = {{ var('failing_repeatedly_after') }}) as since,
        arg_min(coalesce(error_code, ''), number) as error_code,
        arg_min(coalesce(error_text, ''), number) as error_text,
        arg_min(state, number) as state,
        arg_min(coalesce(tool, 'its tool'), number) as tool
    from in_a_row
    group by instance_id, backup_type

),

worst as (

    select * from kinds
    qualify
        row_number() over (
            partition by instance_id order by failures desc, first_at, backup_type
        ) = 1

),

-- What runs now and gets lost adds to the row.
running as (

    select
        instance_id,
        backup_type,
        lost_at,
        row_number() over (partition by instance_id, backup_type order by lost_at) as number
    from open_attempts
    where not {{ is_finished('state') }}

),

changes as (

    select running.instance_id, min(running.lost_at) as lost_at
    from running
    left join kinds
        on
            running.instance_id = kinds.instance_id
            and running.backup_type is not distinct from kinds.backup_type
    where
        coalesce(kinds.failures, 0) + running.number = {{ var('failing_repeatedly_after') }}
    group by running.instance_id

),

seen as (

    select distinct instance_id from attempts

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case when worst.since is null then 'ok' else 'breached' end as status,
        case
            when worst.since is null then 'info'
            when instances.tier <= 2 then 'critical'
            else 'warning'
        end as severity,
        coalesce(worst.failures, 0) as value,
        {{ var('failing_repeatedly_after') }} as objective,
        'failures' as unit,
        worst.since,
        case when worst.since is null then changes.lost_at end as changes_at,
        instances.team,
        {{ instance_labels("nullif(worst.error_code, '')", 'instances.storage_volume') }} as labels,
        case
            when worst.since is null
                then instances.instance_id || ': fewer than {{ var("failing_repeatedly_after") }}'
                    || ' backups of a kind failed in a row'
            else instances.instance_id || ': the last ' || worst.failures || ' '
                || coalesce(worst.backup_type || ' ', '') || 'backups by ' || worst.tool
                || ' failed, none succeeded since ' || {{ utc_text('worst.first_at') }}
                || case
                    when worst.state = 'lost' then '; the first never said that it ended'
                    when worst.error_text <> '' and starts_with(worst.error_text, '[')
                        then '; the first said ' || worst.error_text
                    when worst.error_code <> '' or worst.error_text <> ''
                        then '; the first said'
                            || coalesce(' [' || nullif(worst.error_code, '') || ']', '')
                            || coalesce(' ' || nullif(worst.error_text, ''), '')
                    else ''
                end
        end as summary
    from instances
    semi join seen using (instance_id)
    left join worst using (instance_id)
    left join changes using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 'failures' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'backup_failing_repeatedly') }}
