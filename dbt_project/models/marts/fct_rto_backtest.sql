-- Each restore beside the estimate that was made when it was asked for, from what had ended before.
with evidence as (

    select * from {{ ref('int_rto_evidence') }}

),

learning as (

    select * from {{ ref('int_rto_learning') }}

),

instances as (

    select
        instance_id,
        ended_at,
        max(n_own) as n_own,
        last(own_mean order by seq) as own_mean
    from learning
    group by instance_id, ended_at

),

groups as (

    select
        db_type,
        pool,
        ended_at,
        max(n_group) as n_group,
        last(group_mean order by seq) as group_mean,
        last(group_repeats_own order by seq) as group_repeats_own
    from learning
    group by db_type, pool, ended_at

),

moments as (

    select * from learning
    qualify row_number() over (partition by ended_at order by seq desc) = 1

),

fleet as (

    {{ rto_variances('moments') }}

),

-- How often restores had succeeded, of an instance and of the fleet.
outcomes as (

    select
        instance_id,
        ended_at,
        is_success,
        sum(is_success::integer) over own as succeeded,
        sum((not is_success)::integer) over own as failed,
        sum(is_success::integer) over everyone as fleet_succeeded,
        sum((not is_success)::integer) over everyone as fleet_failed
    from evidence
    window
        own as (partition by instance_id order by ended_at),
        everyone as (order by ended_at)

),

own_outcomes as (

    select distinct instance_id, ended_at, succeeded, failed from outcomes

),

fleet_outcomes as (

    select distinct ended_at, fleet_succeeded, fleet_failed from outcomes

),

asked as (

    select
        evidence.source_id,
        evidence.restore_key,
        evidence.instance_id,
        evidence.db_type,
        evidence.pool,
        evidence.purpose,
        evidence.requested_at,
        evidence.ended_at,
        evidence.outcome,
        evidence.objective_s,
        evidence.rto_s,
        evidence.bytes,
        instances.ended_at as newest_at,
        coalesce(instances.n_own, 0) as n_own,
        instances.own_mean,
        coalesce(groups.n_group, 0) as n_group,
        groups.group_mean,
        groups.group_repeats_own,
        fleet.n,
        fleet.n_groups,
        fleet.within_var,
        fleet.between_var,
        fleet.group_var,
        fleet.fleet_mean,
        fleet.fleet_mean_var,
        coalesce(own_outcomes.succeeded, 0) as succeeded,
        coalesce(own_outcomes.failed, 0) as failed,
        coalesce(fleet_outcomes.fleet_succeeded, 0) as fleet_succeeded,
        coalesce(fleet_outcomes.fleet_failed, 0) as fleet_failed
    from evidence
    asof left join instances
        on
            evidence.instance_id = instances.instance_id
            and evidence.requested_at > instances.ended_at
    asof left join groups
        on
            evidence.db_type = groups.db_type
            and evidence.pool = groups.pool
            and evidence.requested_at > groups.ended_at
    asof left join fleet on evidence.requested_at > fleet.ended_at
    asof left join own_outcomes
        on
            evidence.instance_id = own_outcomes.instance_id
            and evidence.requested_at > own_outcomes.ended_at
    asof left join fleet_outcomes on evidence.requested_at > fleet_outcomes.ended_at
    where evidence.requested_at is not null

),

drawn as (

    {{ rto_posterior('asked') }}

),

based as (

    select
        *,
        {{ rto_basis('n_own', 'newest_at', 'requested_at') }} as basis,
        case
            when fleet_succeeded + fleet_failed > 0
                then {{ rto_p_success('succeeded', 'failed', 'fleet_succeeded', 'fleet_failed') }}
        end as p_success,
        ln(case when rto_s > 0 then rto_s end) as actual
    from drawn

),

estimated as (

    select
        *,
        {{ rto_quantile(0) }} as p50_s,
        {{ rto_quantile(1.2815515655446004) }} as p90_s,
        {{ rto_quantile(1.6448536269514722) }} as p95_s,
        {{ rto_quantile(2.3263478740408408) }} as p99_s,
        {{ normal_cdf('((ln(objective_s) - mu) / sigma)') }} as p_within_rto,
        {{ normal_cdf('((actual - mu) / sigma)') }} as actual_quantile
    from based
    where basis <> 'unknown'

),

scored as (

    select
        source_id,
        restore_key,
        p50_s,
        p90_s,
        p95_s,
        p99_s,
        p_success,
        p_within_rto,
        p_success * p_within_rto as p_meets_rto,
        actual_quantile,
        {{ pinball('actual', 'ln(p50_s)', 0.5) }} as pinball_p50,
        {{ pinball('actual', 'ln(p90_s)', 0.9) }} as pinball_p90,
        {{ pinball('actual', 'ln(p95_s)', 0.95) }} as pinball_p95,
        {{ pinball('actual', 'ln(p99_s)', 0.99) }} as pinball_p99
    from estimated

),

final as (

    select
        based.source_id,
        based.restore_key,
        based.instance_id,
        based.db_type,
        based.pool,
        based.purpose,
        based.requested_at,
        based.outcome,
        based.basis,
        based.n_own,
        based.bytes,
        based.objective_s,
        scored.p50_s,
        scored.p90_s,
        scored.p95_s,
        scored.p99_s,
        scored.p_success,
        scored.p_within_rto,
        scored.p_meets_rto,
        based.rto_s as actual_s,
        case
            when based.outcome = 'failed' then false else based.rto_s <= based.objective_s
        end as met_rto,
        based.rto_s <= scored.p50_s as within_p50,
        based.rto_s <= scored.p90_s as within_p90,
        based.rto_s <= scored.p95_s as within_p95,
        based.rto_s <= scored.p99_s as within_p99,
        scored.actual_quantile,
        scored.pinball_p50,
        scored.pinball_p90,
        scored.pinball_p95,
        scored.pinball_p99,
        pow(
            scored.p_meets_rto
            - (based.outcome <> 'failed' and based.rto_s <= based.objective_s)::integer,
            2
        ) as brier
    from based
    left join scored using (source_id, restore_key)

)

select * from final
