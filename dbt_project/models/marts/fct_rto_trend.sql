-- Do restores become slower, apart from the growth of the data? Theil-Sen slope and Mann-Kendall
-- test on ln seconds a byte, for each instance and for each group (pairs within instances only, so
-- that a change of the mix is no trend). Below eight restores the slope stands without a claim.
with evidence as (

    select * from {{ ref('int_rto_evidence') }}
    where residual is not null

),

-- The newest hundred of an instance: pairs grow with the square.
numbered as (

    select
        instance_id,
        db_type,
        pool,
        residual,
        requested_at,
        row_number() over (partition by instance_id order by requested_at, source_id, restore_key)
            as seq
    from evidence
    qualify
        row_number() over (
            partition by instance_id order by requested_at desc, source_id desc, restore_key desc
        ) <= 100

),

pairs as (

    select
        earlier.instance_id,
        earlier.db_type,
        earlier.pool,
        sign(later.residual - earlier.residual)
        * (later.requested_at > earlier.requested_at)::integer as sign,
        case
            when later.requested_at > earlier.requested_at
                then (later.residual - earlier.residual)
                    / ({{ seconds_between('earlier.requested_at', 'later.requested_at') }}) * 2592000
        end as slope
    from numbered as earlier
    inner join numbered as later
        on earlier.instance_id = later.instance_id and earlier.seq < later.seq

),

-- Equal values, and equal moments, lessen what chance alone would do.
repeated as (

    select instance_id, residual, null as requested_at, count(*) as n
    from numbered
    group by instance_id, residual
    union all
    select instance_id, null, requested_at, count(*)
    from numbered
    group by instance_id, requested_at

),

ties as (

    select instance_id, sum(n * (n - 1) * (2 * n + 5)) as correction
    from repeated
    group by instance_id

),

counted as (

    select
        instance_id,
        any_value(db_type) as db_type,
        any_value(pool) as pool,
        count(*) as n,
        min(requested_at) as first_at,
        max(requested_at) as last_at
    from numbered
    group by instance_id

),

signed as (

    select instance_id, sum(sign) as s, median(slope) as slope
    from pairs
    group by instance_id

),

instances as (

    select
        counted.*,
        coalesce(signed.s, 0) as s,
        signed.slope,
        greatest((n * (n - 1) * (2 * n + 5) - ties.correction) / 18.0, 0) as variance
    from counted
    left join signed using (instance_id)
    left join ties using (instance_id)

),

group_slopes as (

    select db_type, pool, median(slope) as slope
    from pairs
    group by db_type, pool

),

-- One restore of an instance has nothing to be compared with.
groups as (

    select
        db_type,
        pool,
        count(*) as n_instances,
        sum(n)::bigint as n,
        min(first_at) as first_at,
        max(last_at) as last_at,
        sum(s) as s,
        sum(variance) as variance
    from instances
    where n > 1
    group by db_type, pool

),

levels as (

    select 'instance' as level, 1 as n_instances, * from instances
    union all by name
    select 'group' as level, groups.*, group_slopes.slope
    from groups
    left join group_slopes using (db_type, pool)

),

tested as (

    select
        * exclude (n, slope),
        n as n_restores,
        slope as slope_per_30d,
        n >= 8 as is_enough,
        case when n >= 8 then {{ kendall_z('s', 'variance') }} end as z
    from levels

),

valued as (

    select
        *,
        case when z is not null then least(2 * (1 - {{ normal_cdf('abs(z)') }}), 1) end as p_value
    from tested

),

final as (

    select
        level,
        instance_id,
        db_type,
        pool,
        n_instances,
        n_restores,
        first_at,
        last_at,
        slope_per_30d,
        exp(slope_per_30d) - 1 as change_30d,
        s::double as kendall_s,
        z,
        p_value,
        case
            when not is_enough then 'too_few'
            when p_value > 0.05 then 'none'
            when s > 0 then 'slower'
            else 'faster'
        end as trend
    from valued

)

select * from final
