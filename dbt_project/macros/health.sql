{#- The formula of component health (docs/definitions.md). What is measured: models int_health_*; weights
    and thresholds: cbcr_assets/config/health.yaml, which reaches SQL as int_health_model. -#}

{#- Piecewise linear: 0 up to ok, 20 at warn, 50 at crit, 100 from dead on; the ladder may fall. -#}
{% macro health_ladder(value='value') -%}
    case
        when (case when dead > ok then {{ value }} <= ok else {{ value }} >= ok end) then 0.0
        when (case when dead > ok then {{ value }} >= dead else {{ value }} <= dead end) then 100.0
        when (case when dead > ok then {{ value }} <= warn else {{ value }} >= warn end)
            then 20 * ({{ value }} - ok) / (warn - ok)
        when (case when dead > ok then {{ value }} <= crit else {{ value }} >= crit end)
            then 20 + 30 * ({{ value }} - warn) / (crit - warn)
        else 50 + 50 * ({{ value }} - crit) / (dead - crit)
    end
{%- endmacro %}

{#- Whether a value has come to a step of its ladder. -#}
{% macro health_reached(step, value='value') -%}
    (case when dead > ok then {{ value }} >= {{ step }} else {{ value }} <= {{ step }} end)
{%- endmacro %}

{% macro health_state(score) -%}
    case
        when {{ score }} is null then 'unknown'
        when {{ score }} >= 90 then 'healthy'
        when {{ score }} >= 70 then 'degraded'
        when {{ score }} >= 40 then 'poor'
        else 'critical'
    end
{%- endmacro %}

{#- A reason that no signal gives: floor of the score, vital gate, cap by coverage. -#}
{% macro health_reason(signal, value, deduction, action) -%}
    {
        'signal': '{{ signal }}', 'value': {{ value }}, 'unit': 'share', 'warn': null::double,
        'crit': null::double, 'age_s': null::double, 'deduction': ({{ deduction }})::decimal(6, 2),
        'status': 'applied', 'action': '{{ action }}'
    }
{%- endmacro %}

{#- What a component of unknown score counts as in a mean: the edge between critical and poor. -#}
{% macro health_unknown_counts() -%} 40 {%- endmacro %}

{#- The roll-up of components, by fleet, kind and team of the owner. The headline is that of the weakest
    link: no number of healthy components hides one of tier 1 that is dead. -#}
{% macro fleet_health(components) -%}
    scoped as (

        select
            *,
            coalesce(score, {{ health_unknown_counts() }})::double as counted,
            unnest([
                { 'scope': 'fleet', 'member': 'all' },
                { 'scope': 'kind', 'member': kind },
                { 'scope': 'team', 'member': case when kind = 'instance' then coalesce(team, 'none') end }
            ]) as of_
        from {{ components }}

    ),

    summed as (

        select
            of_.scope as scope,
            of_.member as member,
            sum(weight * counted) / sum(weight) as mean_score,
            min(counted) filter (tier = 1) as worst_tier1_score,
            count(*) filter (tier = 1 and state in ('critical', 'unknown')) as tier1_bad,
            min(score)::double as minimum_score,
            count(*) as components,
            {% for state in ['healthy', 'degraded', 'poor', 'critical', 'unknown'] -%}
                count(*) filter (state = '{{ state }}') as {{ state }},
            {% endfor -%}
            min_by(
                {
                    'kind': kind, 'component_id': component_id, 'tier': tier, 'state': state,
                    'score': score, 'main_reason': main_reason
                },
                -- Unknown sorts between critical and poor; the more important first.
                (counted, state <> 'unknown', tier, kind, component_id), 5
            ) as worst,
            any_value(model_version) as model_version,
            max(measured_at) as measured_at
        from scoped
        where of_.member is not null
        group by all

    ),

    rolled as (

        select
            scope,
            member,
            round(
                least(
                    mean_score,
                    coalesce(worst_tier1_score + 25, 100),
                    case when tier1_bad > 0 then 59 else 100 end
                ), 2
            ) as headline,
            round(mean_score, 2) as mean_score,
            worst_tier1_score,
            tier1_bad,
            minimum_score,
            components,
            healthy,
            degraded,
            poor,
            critical,
            unknown,
            worst,
            model_version,
            measured_at
        from summed

    )
{%- endmacro %}

{#- What history keeps of a moment is said once: a build of the same past moment says it again. -#}
{% macro forget_this_moment() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where evaluated_at = {{ cbcr_now() }}
    {%- endif -%}
{%- endmacro %}

{#- Things that are sampled: the newest sample of each, who tells of it, and how often. A thing is known for
    30 days after its last sample, so that silence is seen; two sources of one thing: the newest counts. -#}
{% macro sampled_things(table, thing) -%}
    rolled as (

        select
            {{ thing }},
            source_id,
            max(last_sampled_at) as last_sampled_at,
            min(first_sampled_at) filter (day > {{ cbcr_now() }}::date - 8) as first_at,
            max(last_sampled_at) filter (day > {{ cbcr_now() }}::date - 8) as last_at,
            sum(samples) filter (day > {{ cbcr_now() }}::date - 8) as samples
        from {{ ref('fct_' ~ table ~ '_daily') }}
        where
            day > {{ cbcr_now() }}::date - 30
            and first_sampled_at <= {{ cbcr_now() }}
        group by all

    ),

    recent as (

        select * from {{ ref('stg_' ~ table ~ '_samples') }}
        where sampled_at <= {{ cbcr_now() }} and sampled_at > {{ cbcr_now() }} - interval 1 day

    ),

    fresh as (

        select {{ thing }}, source_id, max(sampled_at) as sampled_at
        from recent
        group by all

    ),

    things as (

        select
            {{ thing }},
            source_id,
            coalesce(
                fresh.sampled_at, least(rolled.last_sampled_at, {{ cbcr_now() }})
            ) as sampled_at,
            -- At least a minute: samples of one moment tell no interval.
            greatest(
                {{ seconds_between('rolled.first_at', 'rolled.last_at') }} / nullif(rolled.samples - 1, 0),
                60
            ) as interval_s,
            coalesce(sources.status = 'ok', false) as is_source_ok
        from rolled
        full outer join fresh using ({{ thing }}, source_id)
        inner join {{ ref('int_source_status') }} as sources using (source_id)
        qualify
            row_number() over (
                partition by {{ thing }} order by coalesce(fresh.sampled_at, rolled.last_sampled_at) desc, source_id
            ) = 1

    ),

    seen as (

        -- Current is what came within two intervals; without an interval, within a day.
        select *, coalesce(overdue_at >= {{ cbcr_now() }}, false) as is_current
        from (
            select
                *,
                {{ plus_seconds('sampled_at', '2 * coalesce(interval_s, 43200)') }} as overdue_at
            from things
        )

    )
{%- endmacro %}

{#- The columns of every int_health_* model that measures signals. -#}
{% macro health_signal(signal, value, measured_at, is_current, is_required='true', overdue_at='null') -%}
    {
        'signal': '{{ signal }}', 'value': ({{ value }})::double, 'measured_at': ({{ measured_at }})::timestamp,
        'is_current': ({{ is_current }})::boolean, 'is_required': ({{ is_required }})::boolean,
        'overdue_at': ({{ overdue_at }})::timestamp
    }
{%- endmacro %}

{#- A reason as words: "exposure 2.31 x objective" or "exposure is not known". -#}
{% macro health_words(reason) -%}
    case
        when {{ reason }} is null then null
        when {{ reason }}.status = 'missing' then replace({{ reason }}.signal, '_', ' ') || ' is not known'
        when {{ reason }}.status = 'stale'
            then replace({{ reason }}.signal, '_', ' ') || ' is not known any more'
        else replace({{ reason }}.signal, '_', ' ') || ' '
            || regexp_replace(printf('%.3f', {{ reason }}.value), '\.?0+$', '') || ' ' || {{ reason }}.unit
    end
{%- endmacro %}

{#- CTEs of a rule that asks for some signals of one kind: `judged`, one row a component by its worst signal.
    Breached from crit on, approaching from warn on, unknown where a vital one is not known and none is bad. -#}
{% macro judged_signals(kind, signals) -%}
    signals as (

        select *
        from {{ ref('int_health_signals') }}
        where
            kind = '{{ kind }}'
            and signal in (
                {%- for signal in signals %}'{{ signal }}'{{ ", " if not loop.last }}{% endfor -%}
            )

    ),

    stepped as (

        select
            *,
            case
                when status <> 'current' then case when vital then 2 else 1 end
                when {{ health_reached('crit') }} then 4
                when {{ health_reached('warn') }} then 3
                else 0
            end as step
        from signals

    ),

    judged as (

        select
            component_id,
            tier,
            signal,
            value,
            crit,
            unit,
            measured_at,
            overdue_at,
            {{ health_words("{ 'signal': signal, 'value': value, 'unit': unit, 'status': stepped.status }") }}
                as words,
            case step when 4 then 'breached' when 3 then 'approaching' when 0 then 'ok' else 'unknown' end
                as status,
            action
        from stepped
        qualify
            row_number() over (
                partition by component_id order by step desc, own_deduction desc nulls last, signal
            ) = 1

    )
{%- endmacro %}
