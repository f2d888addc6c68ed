-- What moved together: metrics of components, and how the backups and restores on them went.
-- Unit is a component's day, for a metric is shared by all runs on it. From one day to the next, the
-- weekday's mean removed, size as covariate, ranks, an honest n, and the share of false findings
-- held at 5 % over all pairs that were tested (docs/definitions.md). Said anew once a day.
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

with runs as (

    select * from {{ ref('int_performance_runs') }}

),

metrics as (

    select * from {{ ref('int_component_metrics') }}

),

components as (

    {{ instances_of_components('metrics') }}

),

lags as (

    select unnest([0, 1, 2]) as lag_h

),

{{ component_day_units() }},

{{ component_day_metrics() }},

{{ moved_together() }},

final as (

    select
        kind,
        component,
        metric,
        outcome,
        lag_h::integer as lag_h,
        n::integer as n,
        n_effective,
        instances::integer as instances,
        rho,
        p_value,
        q_value,
        tests::integer as tests,
        slope,
        is_finding,
        {{ correlation_text() }} as finding,
        date_trunc('day', {{ cbcr_now() }})::date as window_to
    from best_lags

)

select * from final
{%- endif %}
