-- What is measured of a database instance. Exposure and open failures are of this moment; what is told
-- of the week, of restores and of drills is as of the last build.
with instances as (

    select * from {{ ref('stg_instances') }}

),

status as (

    select * from {{ ref('live_rpo_status') }}

),

-- Bad is what spends the error budget: an attempt that failed or was lost, a run that was missed.
weeks as (

    select
        instance_id,
        sum(failed + lost + missed) as bad,
        sum(failed + lost + missed + eventual) as tries
    from {{ ref('fct_backup_success_daily') }}
    where day > {{ cbcr_now() }}::date - 7 and day <= {{ cbcr_now() }}::date
    group by instance_id

),

fleet as (

    select (sum(tries) - sum(bad) + 0.5) / (sum(tries) + 1) as good_share from weeks

),

built as (

    select
        max(built_at) as built_at,
        coalesce(max(built_at) > {{ cbcr_now() }} - interval 3 day, false) as is_current
    from state.build_marks
    where model = 'fct_backup_success_daily'

),

restores as (

    select instance_id, p_meets_rto, estimated_at from {{ ref('fct_rto_estimates') }}

),

drills as (

    select instance_id, last_proven_at from {{ ref('fct_drill_coverage_instances') }}

),

-- How many times too large or too small its oddest backup of the last days was.
jumps as (

    select instance_id, max(greatest(ratio, 1 / greatest(ratio, 0.001))) as size_jump
    from {{ ref('fct_backup_anomalies') }}
    where
        measure <> 'duration_s'
        and ratio is not null
        and started_at > {{ cbcr_now() }} - interval 3 day
        and started_at <= {{ cbcr_now() }}
    group by instance_id

),

measured as (

    select
        status.instance_id,
        status.team,
        status.tier,
        status.environment,
        not status.sources_stale as is_seen,
        -- Without any point everything since the promise began would be lost.
        case
            when
                status.objective_s is not null
                and (status.status <> 'unknown' or status.recovery_point_at is not null)
                then coalesce(
                    status.exposure_s,
                    {{ seconds_between('status.protect_from', cbcr_now()) }}
                ) / greatest(status.objective_s, 1)
        end as exposure,
        case
            when status.recovery_point_at is not null then 1
            when status.status = 'breached' then 0
        end as restorable,
        coalesce(status.consecutive_failures, 0) as failures_in_a_row,
        jumps.size_jump,
        -- Peers steady a small number; they do not stand in for none.
        case
            when weeks.tries > 0
                then (weeks.tries - weeks.bad + 7 * fleet.good_share) / (weeks.tries + 7)
        end as success_7d,
        restores.p_meets_rto,
        restores.estimated_at,
        instances.rto_s > 0 as is_rto_promised,
        {{ seconds_between('coalesce(drills.last_proven_at, instances.protect_from)', cbcr_now()) }}
            / nullif(instances.drill_every_s, 0) as drill_age,
        coalesce(instances.drill_every_s > 0, false) as is_drill_promised,
        instances.full_schedule is not null or instances.incr_schedule is not null as is_scheduled,
        built.built_at,
        built.is_current
    from status
    inner join instances using (instance_id)
    left join weeks using (instance_id)
    left join restores using (instance_id)
    left join drills using (instance_id)
    left join jumps using (instance_id)
    cross join fleet
    cross join built

),

final as (

    select
        'instance' as kind,
        instance_id as component_id,
        team,
        tier,
        environment,
        [
            {{ health_signal('exposure', 'exposure', cbcr_now(), 'is_seen') }},
            {{ health_signal('restorable', 'restorable', cbcr_now(), 'is_seen') }},
            {{ health_signal('failures_in_a_row', 'failures_in_a_row', cbcr_now(), 'is_seen') }},
            {{ health_signal(
                'success_7d', 'success_7d', 'built_at', 'is_seen and is_current', 'is_scheduled'
            ) }},
            {{ health_signal(
                'p_meets_rto', 'p_meets_rto', 'estimated_at',
                'estimated_at > ' ~ cbcr_now() ~ ' - interval 3 day',
                'coalesce(is_rto_promised, false)'
            ) }},
            {{ health_signal('drill_age', 'drill_age', cbcr_now(), 'true', 'is_drill_promised') }},
            {{ health_signal('size_jump', 'size_jump', 'built_at', 'is_current', 'false') }}
        ] as signals
    from measured

)

select * from final
