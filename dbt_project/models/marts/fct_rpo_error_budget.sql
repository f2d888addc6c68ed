-- How fast each part of the fleet burns its error budget: 1 is a pace that uses it up exactly. The
-- budget is what the compliance objective (var rpo_compliance_objective) leaves. Two windows together
-- say whether it matters and whether it still goes on.
{{ config(materialized='view') }}

with windows as (

    select * from {{ ref('fct_rpo_windows') }}

),

members as (

    {{ scopes_of(ref('dim_instances')) }}

),

summed as (

    select
        members.scope,
        members.member,
        windows.window_days,
        count(*) as instances,
        sum(windows.measured_s) as measured_s,
        sum(windows.violation_s) as violation_s
    from windows
    inner join members using (instance_id)
    where windows.measured_s > 0
    group by all

),

final as (

    select
        scope,
        member,
        window_days,
        instances,
        {{ var('rpo_compliance_objective') }}::double as objective,
        measured_s,
        violation_s,
        measured_s * (1 - {{ var('rpo_compliance_objective') }}) as budget_s,
        measured_s * (1 - {{ var('rpo_compliance_objective') }}) - violation_s as budget_left_s,
        violation_s / (measured_s * (1 - {{ var('rpo_compliance_objective') }})) as burn_rate
    from summed

)

select * from final
