-- The two series behind each finding of fct_performance_correlations, by day: what was measured while
-- the runs of the day began, and how they went. To be looked at, not to be tested again.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_yesterdays_correlations() }}"
) }}

{% if is_incremental() and correlated_today() -%}

select * from {{ this.include(database=false) }}
where false

{%- else -%}

with findings as (

    select * from {{ ref('fct_performance_correlations') }}
    where is_finding

),

runs as (

    select * from {{ ref('int_performance_runs') }}
    where outcome in (select findings.outcome from findings)

),

metrics as (

    select measured.* from {{ ref('int_component_metrics') }} as measured
    semi join findings using (kind, component, metric)

),

components as (

    {{ instances_of_components('metrics') }}

),

lags as (

    select distinct lag_h from findings

),

{{ component_day_units() }},

{{ component_day_metrics() }},

outcomes as (

    select
        components.kind,
        components.component,
        days.outcome,
        days.day,
        case when days.outcome = 'backup_failure' then avg(days.y) else exp(median(days.y)) end
            as outcome_value,
        count(distinct days.instance_id) as instances
    from days
    inner join components using (instance_id)
    group by components.kind, components.component, days.outcome, days.day

),

final as (

    select
        findings.kind,
        findings.component,
        findings.metric,
        findings.outcome,
        findings.lag_h,
        levels.day,
        levels.x as metric_value,
        outcomes.outcome_value,
        outcomes.instances::integer as instances,
        findings.window_to
    from findings
    inner join levels using (kind, component, metric, outcome, lag_h)
    inner join outcomes using (kind, component, outcome, day)

)

select * from final
{%- endif %}
