-- How much of the fleet has been proven to be restorable, by tier, team, environment and product.
-- Whoever waits for a first drill, or cannot be judged, stays in the denominator.
with drills as (

    select * from {{ ref('int_drill_status') }}

),

dimensions as (

    select 'fleet' as dimension, 'all' as name, drills.* from drills
    union all
    select 'tier', coalesce(tier::varchar, 'unknown'), drills.* from drills
    union all
    select 'team', coalesce(team, 'unknown'), drills.* from drills
    union all
    select 'environment', coalesce(environment, 'unknown'), drills.* from drills
    union all
    select 'db_type', coalesce(db_type, 'unknown'), drills.* from drills

),

final as (

    select
        dimension,
        name,
        count(*) as instances,
        count(drill_every_s) as promised,
        count(*) filter (n_proven > 0) as proven_ever,
        count(*) filter (drill_state = 'current') as in_time,
        count(*) filter (drill_state = 'overdue') as overdue,
        count(*) filter (drill_state = 'waiting') as waiting,
        count(*) filter (drill_state = 'unknown') as unknown,
        count(*) filter (n_proven = 0) as never_proven,
        count(*) filter (drill_state = 'current') / nullif(count(drill_every_s), 0) as coverage,
        median(age_s) as median_age_s,
        {{ cbcr_now() }} as counted_at
    from dimensions
    group by dimension, name

)

select * from final
