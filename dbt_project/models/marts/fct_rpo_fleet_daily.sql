-- RPO compliance of the fleet and its parts by day. Four numbers, for each hides what the others tell:
-- seconds kept; instances that never broke it; seconds with weight 1/tier; the worst instance.
{{ config(materialized='view') }}

with days as (

    select * from {{ ref('fct_rpo_compliance_daily') }}
    where measured_s > 0

),

members as (

    {{ scopes_of(ref('dim_instances')) }}

),

final as (

    select
        members.scope,
        members.member,
        days.day,
        count(*) as instances,
        count(*) filter (days.violation_s = 0) as instances_kept,
        count(*) filter (days.violation_s = 0) / count(*) as share_kept,
        sum(days.measured_s) as measured_s,
        sum(days.violation_s) as violation_s,
        1 - sum(days.violation_s) / sum(days.measured_s) as compliance,
        1 - sum(days.violation_s / coalesce(members.tier, 3))
            / sum(days.measured_s / coalesce(members.tier, 3)) as tier_weighted_compliance,
        min(days.compliance) as worst_compliance,
        arg_min(days.instance_id, (days.compliance, days.instance_id)) as worst_instance_id
    from days
    inner join members using (instance_id)
    group by all

)

select * from final
