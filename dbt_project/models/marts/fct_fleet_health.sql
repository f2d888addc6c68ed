-- History of the fleet's health by fleet, kind and team: a row whenever headline or a count changed, and
-- one a UTC day. Kept like fct_component_health.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook="{{ forget_this_moment() }}"
) }}

with components as (

    select * from {{ ref('int_component_health') }}

),

{{ fleet_health('components') }},

{% if is_incremental() %}
kept as (

    select
        scope,
        member,
        arg_max(
            {
                'points': round(headline), 'healthy': healthy, 'degraded': degraded, 'poor': poor,
                'critical': critical, 'unknown': unknown, 'model_version': model_version
            }, evaluated_at
        ) as newest
    from {{ this.include(database=false) }}
    where
        day = {{ cbcr_now() }}::date
        and evaluated_at < {{ cbcr_now() }}
    group by all

),
{% endif %}

final as (

    select
        rolled.scope,
        rolled.member,
        rolled.measured_at as evaluated_at,
        rolled.measured_at::date as day,
        rolled.headline,
        rolled.mean_score,
        rolled.worst_tier1_score,
        rolled.tier1_bad,
        rolled.minimum_score,
        rolled.components,
        rolled.healthy,
        rolled.degraded,
        rolled.poor,
        rolled.critical,
        rolled.unknown,
        rolled.worst,
        rolled.model_version
    from rolled
    {% if is_incremental() -%}
        left join kept using (scope, member)
        where
            kept.newest is distinct from {
                'points': round(rolled.headline), 'healthy': rolled.healthy, 'degraded': rolled.degraded,
                'poor': rolled.poor, 'critical': rolled.critical, 'unknown': rolled.unknown,
                'model_version': rolled.model_version
            }
    {%- endif %}

)

select * from final
