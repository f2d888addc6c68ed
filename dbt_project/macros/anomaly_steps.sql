{#- How the state of a series moves on, one backup after the other: the same judgement as judged_backups,
    from the lists that a state keeps instead of from all of history. -#}

{#- CTEs up to `moved`: the states of the series of CTE `fresh`, moved on by all of its rows. -#}
{% macro moved_states() -%}
    moving as (

        select row_number() over () as series, * from (select distinct {{ series_key() }} from fresh)

    ),

    -- The newest whole backup before each part of a database.
    wholes as (

        select {{ series_key() }}, native_key, started_at, value from intermediate.int_backup_norms
        where {{ is_whole('backup_type') }}
        union all
        select {{ series_key() }}, native_key, started_at, value from fresh
        where {{ is_whole('backup_type') }}

    ),

    wholes_before as (

        select
            fresh.instance_id,
            fresh.source_id,
            fresh.told_by,
            fresh.repo,
            fresh.backup_type,
            fresh.measure,
            fresh.step,
            arg_max(wholes.value, (wholes.started_at, wholes.native_key)) as last_whole
        from fresh
        inner join wholes
            on
                fresh.instance_id = wholes.instance_id
                and fresh.source_id = wholes.source_id
                and fresh.told_by = wholes.told_by
                and fresh.repo = wholes.repo
                and fresh.measure = wholes.measure
                and (fresh.started_at, fresh.native_key) > (wholes.started_at, wholes.native_key)
        where fresh.measure = 'stored_bytes' and not {{ is_whole('fresh.backup_type') }}
        group by all

    ),

    next_ones as (

        select fresh.*, moving.series, wholes_before.last_whole
        from fresh
        inner join moving on {{ is_same_series('fresh', 'moving') }}
        left join wholes_before
            on {{ is_same_series('fresh', 'wholes_before') }} and fresh.step = wholes_before.step

    ),

    begun as (

        select
            moving.series,
            0 as step,
            coalesce(kept.runs, 0) as runs,
            coalesce(kept.xs, []) as xs,
            coalesce(kept.errors, []) as errors,
            coalesce(kept.deviations, [[], [], [], [], [], [], []]) as deviations,
            kept.leapt_at,
            kept.native_key,
            kept.label,
            kept.started_at,
            kept.value,
            kept.expected,
            kept.ratio,
            kept.z,
            kept.kind,
            kept.event_started_at,
            kept.event_runs,
            null::double as spread,
            null::bigint as known
        from moving
        left join intermediate.int_backup_norms as kept on {{ is_same_series('moving', 'kept') }}

    ),

    stepped as (

        {{ steps_of_series('begun', 'next_ones') }}

    ),

    odd_steps as (

        select series, list({{ odd_backup_told() }}) as odd from stepped
        where step > 0 and kind is not null
        group by series

    ),

    moved as (

        select
            {{ series_key('moving.') }},
            stepped.native_key,
            stepped.label,
            stepped.started_at,
            stepped.value,
            stepped.expected,
            stepped.ratio,
            stepped.z,
            stepped.kind,
            stepped.event_started_at,
            stepped.event_runs,
            stepped.runs,
            stepped.xs,
            stepped.errors,
            stepped.deviations,
            stepped.leapt_at,
            odd_steps.odd
        from stepped
        inner join moving using (series)
        left join odd_steps using (series)
        qualify row_number() over (partition by stepped.series order by stepped.step desc) = 1

    )
{%- endmacro %}

{#- All states on the way, those of `begun` first: each is judged by the one before. -#}
{% macro steps_of_series(begun, next_ones) -%}
    with recursive steps as (

        select * from {{ begun }}
        union all
        select
            series,
            step,
            runs + 1 as runs,
            list_append(xs, x)[-10:] as xs,
            list_append(errors, abs(deviation - effect))[-56:] as errors,
            list_transform(
                deviations,
                lambda told, place:
                    case when place = weekday + 1 then list_append(told, deviation)[-8:] else told end
            ) as deviations,
            case when {{ is_leap() }} then started_at else leapt_at end as leapt_at,
            native_key,
            label,
            started_at,
            value,
            expected,
            ratio,
            z,
            kind,
            case
                when kind is null then null when kind = kind_before then event_before else started_at
            end as event_started_at,
            case when kind is null then null when kind = kind_before then runs_before + 1 else 1 end
                as event_runs,
            spread,
            known
        from (
            select *, {{ anomaly_kind() }} as kind
            from (
                select *, {{ forecast_error() }}, x - level as deviation
                from (
                    select
                        next_ones.* exclude (step),
                        next_ones.step::integer as step,
                        steps.runs,
                        steps.xs,
                        steps.errors,
                        steps.deviations,
                        steps.leapt_at,
                        steps.kind as kind_before,
                        steps.event_started_at as event_before,
                        steps.event_runs as runs_before,
                        {{ level_of('steps.xs') }} as level,
                        list_count(steps.xs) as told_before,
                        {{ weekday_effect('steps.deviations[next_ones.weekday + 1]') }} as effect,
                        list_count(steps.errors) as known,
                        {{ forecast_spread('list_median(steps.errors)', 'list_count(steps.errors)') }}
                            as spread
                    from steps
                    inner join {{ next_ones }} as next_ones
                        on steps.series = next_ones.series and steps.step + 1 = next_ones.step
                )
            )
        )

    )

    select * from steps
{%- endmacro %}
