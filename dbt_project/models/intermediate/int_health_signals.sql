-- Every signal of every component with its own deduction: what int_health_* measured, on the ladder that
-- int_health_model holds for it. What was neither promised nor told is no signal.
with model as (

    select * from {{ ref('int_health_model') }}

),

components as (

    {% for kind in ['instances', 'pools', 'queues', 'volumes', 'links', 'repositories', 'sources'] -%}
        select kind, component_id, team, tier, environment, signals
        from {{ ref('int_health_' ~ kind) }}
        {% if not loop.last %}union all by name{% endif %}
    {% endfor %}
),

measured as (

    select
        kind,
        component_id,
        team,
        tier,
        environment,
        unnest(signals) as said
    from components

),

judged as (

    select
        measured.kind,
        measured.component_id,
        measured.team,
        coalesce(measured.tier, model.kind_tier) as tier,
        measured.environment,
        model.model_version,
        model.signal,
        model.vital,
        model.weight,
        model.unit,
        model.ok,
        model.warn,
        model.crit,
        model.dead,
        model.most,
        model.action,
        case when isfinite(said.value) then said.value end as value,
        said.measured_at as measured_at,
        said.overdue_at as overdue_at,
        -- greatest() would take nothing for zero
        case when said.measured_at is not null
            then greatest({{ seconds_between('said.measured_at', cbcr_now()) }}, 0)
        end as age_s,
        case
            when said.value is null or not isfinite(said.value) then 'missing'
            when said.is_current is not true then 'stale'
            else 'current'
        end as status
    from measured
    inner join model on measured.kind = model.kind and measured.said.signal = model.signal
    where said.is_required or isfinite(said.value)

),

final as (

    select
        *,
        case when status = 'current' then least({{ health_ladder() }}, most) end as own_deduction,
        vital and status = 'current' and {{ health_reached('dead') }} as is_dead
    from judged

)

select * from final
