-- The newest restore of an instance failed, or its data was not what it should be.
with restores as (

    select
        *,
        coalesce(verified_at, recovered_at, restored_at, started_at, requested_at, first_seen_at)
            as ended_at
    from {{ ref('stg_restore_jobs') }}
    where
        instance_id is not null
        and {{ is_finished('state') }}
        and state <> 'cancelled'
        and coalesce(requested_at, started_at, first_seen_at) <= {{ cbcr_now() }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

newest as (

    select
        *,
        state in ('failed', 'lost') or coalesce(verification = 'failed', false) as is_failed
    from restores
    qualify row_number() over (partition by instance_id order by ended_at desc) = 1

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case when newest.is_failed then 'breached' else 'ok' end as status,
        case
            when not newest.is_failed then 'info'
            when newest.purpose = 'real' or instances.tier = 1 then 'critical'
            else 'warning'
        end as severity,
        newest.is_failed::integer as value,
        0 as objective,
        'failures' as unit,
        case when newest.is_failed then newest.ended_at end as since,
        null as changes_at,
        instances.team,
        {{ instance_labels('newest.error_code') }} as labels,
        case
            when not newest.is_failed
                then instances.instance_id || ': its newest restore, at '
                    || {{ utc_text('newest.ended_at') }} || ', succeeded'
            when newest.verification = 'failed'
                then instances.instance_id || ': the restore of ' || {{ utc_text('newest.ended_at') }}
                    || ' brought back data that failed verification'
            else instances.instance_id || ': the restore of ' || {{ utc_text('newest.ended_at') }}
                || ' failed' || coalesce(' [' || newest.error_code || ']', '')
                || coalesce(' ' || newest.error_text, '')
        end as summary
    from instances
    inner join newest using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 'failures' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'restore_failed') }}
