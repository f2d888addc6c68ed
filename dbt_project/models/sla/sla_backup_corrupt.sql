-- The newest backup cannot be restored: it, or one that it rests on, is corrupt or was left by a run
-- that failed. A good backup that ended later makes it good.
with sets as (

    select * from {{ ref('int_backup_chains') }}
    where instance_id is not null and finished_at <= {{ cbcr_now() }}

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

bad as (

    select *
    from sets
    where
        usable_until <= {{ cbcr_now() }}
        and replace(unusable_reason, 'parent_', '') in ('corrupt', 'failed_run')

),

newest_bad as (

    select * from bad
    qualify
        row_number() over (
            partition by instance_id order by finished_at desc, source_id, repo, label
        ) = 1

),

good as (

    select * from sets
    where
        usable_from <= {{ cbcr_now() }}
        and (usable_until is null or usable_until > {{ cbcr_now() }})

),

newest_good as (

    select * from good
    qualify
        row_number() over (
            partition by instance_id order by recovery_point_at desc, source_id, repo, label
        ) = 1

),

-- It is made good for as long as one of these lives.
made_good as (

    select
        newest_bad.instance_id,
        case when count(*) = count(good.usable_until) then max(good.usable_until) end as until_at
    from newest_bad
    inner join good
        on newest_bad.instance_id = good.instance_id and newest_bad.finished_at < good.finished_at
    group by newest_bad.instance_id

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case
            when newest_bad.instance_id is not null and made_good.instance_id is null then 'breached'
            else 'ok'
        end as status,
        case
            when newest_bad.instance_id is null or made_good.instance_id is not null then 'info'
            when instances.tier = 1 or newest_good.instance_id is null then 'critical'
            else 'warning'
        end as severity,
        case
            when newest_bad.instance_id is not null and made_good.instance_id is null then 1 else 0
        end as value,
        0 as objective,
        'backups' as unit,
        case when made_good.instance_id is null then newest_bad.usable_until end as since,
        made_good.until_at as changes_at,
        instances.team,
        {{ instance_labels() }} as labels,
        case
            when newest_bad.instance_id is null or made_good.instance_id is not null
                then instances.instance_id || ': nothing is known against its newest backup'
            else instances.instance_id || ': its newest backup ' || newest_bad.label || ' of '
                || {{ utc_text('newest_bad.finished_at') }}
                || case newest_bad.unusable_reason
                    when 'corrupt' then ' is corrupt'
                    when 'failed_run' then ' was left by a run that failed'
                    when 'parent_corrupt' then ' rests on a corrupt one'
                    else ' rests on what a failed run left'
                end
                || coalesce(
                    '; the newest good one is ' || newest_good.label || ' with data of '
                    || {{ utc_text('newest_good.recovery_point_at') }},
                    '; there is no good one'
                )
        end as summary
    from instances
    semi join sets using (instance_id)
    left join newest_bad using (instance_id)
    left join newest_good using (instance_id)
    left join made_good using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 'backups' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'backup_corrupt') }}
