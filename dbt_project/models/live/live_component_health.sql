-- How healthy each component is, now: score 0 to 100, state, and the reasons that add up to the score.
with signals as (

    select * from {{ ref('int_health_signals') }}

),

-- The worst counts whole, each other one a quarter.
ranked as (

    select
        *,
        row_number() over (
            partition by kind, component_id order by own_deduction desc nulls last, signal
        ) as place
    from signals

),

deducted as (

    select
        *,
        round(own_deduction * case when place = 1 then 1 else 0.25 end, 2)::decimal(6, 2) as deduction
    from ranked

),

summed as (

    select
        kind,
        component_id,
        any_value(team) as team,
        any_value(tier) as tier,
        any_value(environment) as environment,
        any_value(model_version) as model_version,
        coalesce(sum(deduction), 0)::decimal(6, 2) as total,
        coalesce(sum(weight) filter (status = 'current'), 0) / sum(weight) as coverage,
        bool_or(is_dead) as is_vital_dead,
        bool_or(vital and status <> 'current') as is_vital_missing,
        list(
            {
                'signal': signal, 'value': value, 'unit': unit, 'warn': warn, 'crit': crit,
                'age_s': age_s, 'deduction': deduction, 'status': status,
                'action': case
                    when status = 'current' then action
                    else 'find out why it is not measured: rule source_stale, `cbcr pull`, the inventory'
                end
            }
            -- What is dead explains the score; else what is not known explains that there is none.
            order by is_dead desc, vital and status <> 'current' desc, place
        ) filter (deduction > 0 or status <> 'current') as reasons
    from deducted
    group by kind, component_id

),

-- What is known to be dead is dead, whatever else is not known.
limited as (

    select
        *,
        greatest(100 - total, 0)::decimal(6, 2) as floored,
        case when is_vital_dead then 10 else 100 end::decimal(6, 2) as gate,
        round(100 * (0.6 + 0.4 * coverage), 2)::decimal(6, 2) as cap,
        not is_vital_dead and (is_vital_missing or coverage < 0.5) as is_unknown
    from summed

),

scored as (

    select
        *,
        case when not is_unknown then least(floored, gate, cap) end::decimal(6, 2) as score,
        case when total > 100 and not is_unknown then
            [{{ health_reason(
                'floor', 'total::double / 100', '100 - total', 'no score is below zero'
            ) }}]
        end as of_floor,
        case when floored > gate and not is_unknown then
            [{{ health_reason(
                'vital_gate', 'gate::double / 100', 'floored - gate', 'a vital signal is dead: mend that first'
            ) }}]
        end as of_gate,
        case
            when is_unknown and coverage < 0.5
                then [{{ health_reason(
                    'coverage', 'coverage', 'null', 'too little is known of it: see what is missing'
                ) }}]
            when not is_unknown and least(floored, gate) > cap
                then [{{ health_reason(
                    'coverage', 'coverage', 'least(floored, gate) - cap', 'some of its signals are missing: see which'
                ) }}]
        end as of_coverage
    from limited

),

weights as (

    select any_value(tier_weights) as of_tier from {{ ref('int_health_model') }}

),

final as (

    select
        kind,
        component_id,
        team,
        tier,
        environment,
        coalesce(weights.of_tier[tier::varchar], weights.of_tier['3']) as weight,
        {{ health_state('score') }} as state,
        score,
        coverage,
        list_concat(list_concat(list_concat(coalesce(reasons, []), coalesce(of_floor, [])),
            coalesce(of_gate, [])), coalesce(of_coverage, [])) as reasons,
        reasons[1].signal as main_signal,
        {{ health_words('reasons[1]') }} as main_reason,
        reasons[1].action as action,
        model_version,
        {{ cbcr_now() }} as measured_at
    from scored
    cross join weights

)

select * from final
