-- History of component health: a row whenever state, whole points of the score or the health model
-- changed, and one a UTC day. What is kept cannot be made again from today's facts, so no refresh drops
-- it; a build of a past moment adds that moment.
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

{% if is_incremental() %}
-- The day's first row is always kept, so nothing older needs to be read.
kept as (

    select
        kind,
        component_id,
        arg_max(
            { 'state': state, 'points': round(score), 'model_version': model_version }, evaluated_at
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
        components.kind,
        components.component_id,
        components.measured_at as evaluated_at,
        components.measured_at::date as day,
        components.team,
        components.tier,
        components.environment,
        components.state,
        components.score,
        components.coverage,
        components.main_signal,
        components.main_reason,
        components.action,
        components.reasons,
        components.model_version
    from components
    {% if is_incremental() -%}
        left join kept using (kind, component_id)
        where
            kept.newest is distinct from {
                'state': components.state,
                'points': round(components.score),
                'model_version': components.model_version
            }
    {%- endif %}

)

select * from final
