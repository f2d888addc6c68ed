-- How long would a restore take today, and would it keep what was promised? The seconds a byte of
-- an instance's own restores, drawn to those of its peers (same product, same pool), by how much
-- either is known; times the bytes of its newest backup.
with evidence as (

    select * from {{ ref('int_rto_evidence') }}

),

instances as (

    select
        *,
        coalesce(db_type, 'unknown') as group_type,
        coalesce(storage_volume, 'unknown') as pool,
        case when rto_s > 0 then rto_s end as objective_s
    from {{ ref('stg_instances') }}
    where
        coalesce(protect_from <= {{ cbcr_now() }}, true)
        and (retired_at is null or retired_at > {{ cbcr_now() }})

),

sizes as (

    select instance_id, arg_max(source_bytes, finished_at) as bytes
    from {{ ref('stg_backup_sets') }}
    where
        source_bytes > 0
        and finished_at <= {{ cbcr_now() }}
        and coalesce(first_seen_at <= {{ cbcr_now() }}, true)
    group by instance_id

),

own as (

    select
        instance_id,
        any_value(db_type) as db_type,
        any_value(pool) as pool,
        count(residual) as n,
        avg(residual) as mean,
        sum(residual * residual) as squares,
        max(ended_at) filter (residual is not null) as newest_at,
        arg_max(bytes, ended_at) filter (residual is not null) as bytes,
        count(*) filter (is_success) as succeeded,
        count(*) filter (not is_success) as failed,
        arg_max(outcome = 'proven' and coalesce(meets_rto, false), (ended_at, not is_success))
            filter (outcome in ('proven', 'failed')) as newest_kept,
        max(ended_at) filter (outcome in ('proven', 'failed')) as newest_ended_at
    from evidence
    group by instance_id

),

groups as (

    select
        db_type,
        pool,
        sum(n) as n,
        sum(n * mean) / sum(n) as mean,
        count(*) as n_instances,
        sum(squares) as squares,
        sum(n * mean * mean) as instance_squares,
        sum(n * n) as repeats
    from own
    where n > 0
    group by all

),

totals as (

    select
        sum(n) as n,
        sum(n_instances) as n_instances,
        count(*) as n_groups,
        sum(squares) as sum_squares,
        sum(instance_squares) as instance_squares,
        sum(n * mean * mean) as group_squares,
        sum(repeats / n) as group_repeats,
        sum(mean) as sum_means,
        sum(mean * mean) as sum_mean_squares,
        sum(1 / n) as sum_inverse_n,
        sum(repeats / (n * n)) as sum_repeats
    from groups

),

fleet as (

    {{ rto_variances('totals') }}

),

outcomes as (

    select
        count(*) filter (is_success) as succeeded,
        count(*) filter (not is_success) as failed
    from evidence

),

asked as (

    select
        instances.instance_id,
        instances.team,
        instances.tier,
        instances.environment,
        instances.db_type,
        instances.pool,
        instances.objective_s,
        instances.drill_every_s,
        instances.retired_at,
        coalesce(sizes.bytes, own.bytes) as bytes,
        coalesce(own.n, 0) as n_own,
        own.mean as own_mean,
        own.newest_at,
        own.newest_kept,
        own.newest_ended_at,
        coalesce(own.succeeded, 0) as succeeded,
        coalesce(own.failed, 0) as failed,
        outcomes.succeeded as fleet_succeeded,
        outcomes.failed as fleet_failed,
        coalesce(groups.n, 0) as n_group,
        groups.mean as group_mean,
        groups.repeats as group_repeats_own,
        fleet.n,
        fleet.n_groups,
        fleet.within_var,
        fleet.between_var,
        fleet.group_var,
        fleet.fleet_mean,
        fleet.fleet_mean_var
    from instances
    left join sizes using (instance_id)
    left join own using (instance_id)
    left join groups on instances.group_type = groups.db_type and instances.pool = groups.pool
    cross join fleet
    cross join outcomes

),

drawn as (

    {{ rto_posterior('asked') }}

),

based as (

    select
        *,
        {{ rto_basis('n_own', 'newest_at', cbcr_now()) }} as basis,
        case
            when fleet_succeeded + fleet_failed > 0
                then {{ rto_p_success('succeeded', 'failed', 'fleet_succeeded', 'fleet_failed') }}
        end as p_success
    from drawn

),

estimated as (

    select
        *,
        case when basis <> 'unknown' then {{ rto_quantile(0) }} end as p50_s,
        case when basis <> 'unknown' then {{ rto_quantile(1.2815515655446004) }} end as p90_s,
        case when basis <> 'unknown' then {{ rto_quantile(1.6448536269514722) }} end as p95_s,
        case when basis <> 'unknown' then {{ rto_quantile(2.3263478740408408) }} end as p99_s,
        case
            when basis <> 'unknown' then {{ normal_cdf('((ln(objective_s) - mu) / sigma)') }}
        end as p_within_rto
    from based

),

final as (

    select
        instance_id,
        team,
        tier,
        environment,
        db_type,
        pool,
        basis,
        -- Only an own restore proves, only if the newest one kept the promise, and not for ever.
        case
            when objective_s is not null
                then coalesce(
                    newest_kept
                    and newest_ended_at >= {{ plus_seconds(
                        cbcr_now(),
                        '-greatest(86400 * ' ~ proof_days() ~ ', coalesce(drill_every_s, 0))'
                    ) }},
                    false
                )
        end as proven,
        n_own,
        (case when n_group > n_own then n_group else coalesce(n, 0) end - n_own)::bigint as n_peers,
        case when n_group > n_own then 'group' when n > n_own then 'fleet' end as peers,
        succeeded as n_succeeded,
        failed as n_failed,
        newest_at as newest_proven_at,
        bytes as bytes_now,
        objective_s,
        p50_s,
        p90_s,
        p95_s,
        p99_s,
        p_success,
        p_within_rto,
        p_success * p_within_rto as p_meets_rto,
        case when basis <> 'unknown' then own_weight end as own_weight,
        case when basis <> 'unknown' then mu end as mu,
        case when basis <> 'unknown' then sigma end as sigma,
        retired_at
    from estimated

)

select * from final
