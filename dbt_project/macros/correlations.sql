{#- What moves together: the steps from runs and hourly metrics to tested pairs (docs/definitions.md). -#}

{#- Whether the days up to today were already compared. -#}
{% macro correlated_today() -%}
    {%- if not execute or is_replay() -%}
        {%- do return(false) -%}
    {%- endif -%}
    {%- set newest -%}
        select coalesce(max(window_to) = date_trunc('day', {{ cbcr_now() }})::date, false)
        from {{ this.include(database=false) }}
    {%- endset -%}
    {%- do return(run_query(newest).columns[0].values()[0]) -%}
{%- endmacro %}

{% macro forget_yesterdays_correlations() -%}
    {%- if is_incremental() and not correlated_today() -%}
        delete from {{ this.include(database=false) }}
    {%- endif -%}
{%- endmacro %}

{#- Which instances a component serves: its volume, its link; queues and workers serve all. -#}
{% macro instances_of_components(metrics) -%}
    select distinct measured.kind, measured.component, instances.instance_id
    from (select distinct kind, component from {{ metrics }}) as measured
    inner join {{ ref('dim_instances') }} as instances
        on
            measured.kind in ('queue', 'workers')
            or (measured.kind = 'storage' and measured.component = instances.storage_volume)
            or (measured.kind = 'network' and measured.component = instances.network_link)
{%- endmacro %}

{#- CTEs up to `units`: per component, outcome and day the median change of its instances since the
    day before. An instance is compared with itself only. Of several distances between two days that
    of most instances counts, so that a day is one unit and not as many as there are schedules. -#}
{% macro component_day_units() -%}
    days as (

        select instance_id, kind_of_run, outcome, day, median(y) as y, median(size) as size
        from runs
        group by all

    ),

    changes as (

        select
            instance_id,
            outcome,
            day,
            lag(day) over one_run as day_before,
            y - lag(y) over one_run as dy,
            coalesce(size - lag(size) over one_run, 0) as dsize
        from days
        window one_run as (partition by instance_id, kind_of_run, outcome order by day)

    ),

    spans as (

        select
            components.kind,
            components.component,
            changes.outcome,
            changes.day,
            changes.day_before,
            case
                when changes.outcome = 'backup_failure' then avg(changes.dy) else median(changes.dy)
            end as dy,
            median(changes.dsize) as dsize,
            count(distinct changes.instance_id) as instances
        from changes
        inner join components using (instance_id)
        where changes.day_before is not null
        group by
            components.kind, components.component, changes.outcome, changes.day, changes.day_before

    ),

    units as (

        select * from spans
        qualify
            row_number() over (
                partition by kind, component, outcome, day order by instances desc, day_before desc
            ) = 1

    )
{%- endmacro %}

{#- CTE `levels`: what a metric was while the runs of a day began, `lag_h` hours earlier. -#}
{% macro component_day_metrics() -%}
    beginnings as (

        select components.kind, components.component, runs.outcome, runs.day, runs.hour, count(*) as runs
        from runs
        inner join components using (instance_id)
        group by all

    ),

    -- By itself: else the lags are joined last, and every hour with every hour before that.
    asked_hours as materialized (

        select
            beginnings.* exclude (hour),
            lags.lag_h,
            beginnings.hour - to_hours(lags.lag_h) as hour
        from beginnings
        cross join lags

    ),

    levels as (

        select
            asked_hours.kind,
            asked_hours.component,
            asked_hours.outcome,
            asked_hours.day,
            metrics.metric,
            asked_hours.lag_h,
            sum(metrics.x * asked_hours.runs) / sum(asked_hours.runs) as x
        from asked_hours
        inner join metrics using (kind, component, hour)
        group by all

    )
{%- endmacro %}

{#- Mean rank from 0 to 1; equal values share theirs. -#}
{% macro mean_rank(value) -%}
    (percent_rank() over (pair order by {{ value }})
        + cume_dist() over (pair order by {{ value }})) / 2
{%- endmacro %}

{#- CTEs up to `best_lags`: each pair once, at the lag at which it moves most clearly. -#}
{% macro moved_together() -%}
    paired as (

        select
            units.kind,
            units.component,
            levels.metric,
            units.outcome,
            levels.lag_h,
            dayofweek(units.day) as weekday,
            units.instances,
            units.dy,
            units.dsize,
            levels.x - levels_before.x as dx
        from units
        inner join levels using (kind, component, outcome, day)
        inner join levels as levels_before
            on
                units.kind = levels_before.kind
                and units.component = levels_before.component
                and units.outcome = levels_before.outcome
                and units.day_before = levels_before.day
                and levels.metric = levels_before.metric
                and levels.lag_h = levels_before.lag_h

    ),

    -- Backups and metrics both follow the week: with it, most pairs would seem to move together.
    without_week as (

        select
            kind,
            component,
            metric,
            outcome,
            lag_h,
            instances,
            dy - avg(dy) over one_weekday as dy,
            dsize - avg(dsize) over one_weekday as dsize,
            dx - avg(dx) over one_weekday as dx
        from paired
        window one_weekday as (partition by kind, component, metric, outcome, lag_h, weekday)

    ),

    ranked as (

        select
            kind,
            component,
            metric,
            outcome,
            lag_h,
            instances,
            dy,
            dx,
            {{ mean_rank('dy') }} as rank_y,
            {{ mean_rank('dsize') }} as rank_size,
            {{ mean_rank('dx') }} as rank_x
        from without_week
        window pair as (partition by kind, component, metric, outcome, lag_h)

    ),

    correlated as (

        select
            kind,
            component,
            metric,
            outcome,
            lag_h,
            count(*) as n,
            median(instances) as instances,
            {{ finite_corr('rank_x', 'rank_y') }} as xy,
            coalesce({{ finite_corr('rank_x', 'rank_size') }}, 0) as xs,
            coalesce({{ finite_corr('rank_y', 'rank_size') }}, 0) as ys,
            case when var_pop(dx) > 0 then covar_pop(dx, dy) / var_pop(dx) end as slope
        from ranked
        group by all
        having count(*) >= {{ var('correlation_least_n') }}

    ),

    partial as (

        select
            *,
            greatest(least(
                (xy - xs * ys) / sqrt(greatest((1 - xs * xs) * (1 - ys * ys), 1e-9)), 0.9999
            ), -0.9999) as rho,
            -- six weekday means were estimated; a difference shares half of itself with the next
            (n - 6) / 1.5 as n_effective
        from correlated
        where xy is not null

    ),

    tested as (

        select
            *,
            greatest(2 * (1 - {{ normal_cdf(
                'abs(atanh(rho)) * sqrt(greatest(n_effective - 4, 1)) / 1.06'
            ) }}), 0) as p_value
        from partial

    ),

    numbered as (

        select
            *,
            rank() over (order by p_value) as place,
            count(*) over () as tests
        from tested

    ),

    controlled as (

        select
            *,
            least(
                min(p_value * tests / place) over (
                    order by place desc rows between unbounded preceding and current row
                ),
                1
            ) as q_value
        from numbered

    ),

    best_lags as (

        select
            *,
            q_value <= 0.05 and abs(rho) >= {{ var('correlation_least_rho') }} as is_finding
        from controlled
        qualify
            row_number() over (
                partition by kind, component, metric, outcome
                order by q_value, abs(rho) desc, lag_h
            ) = 1

    )
{%- endmacro %}

{#- A correlation that is NULL where one side never moves; corr() gives NaN there. -#}
{% macro finite_corr(a, b) -%}
    case when var_pop({{ a }}) > 0 and var_pop({{ b }}) > 0 then corr({{ a }}, {{ b }}) end
{%- endmacro %}

{#- What was found, in words that promise no more than was tested. -#}
{% macro correlation_text() -%}
    case
        when is_finding then
            replace(outcome, '_', ' ') || ' and ' || replace(metric, '_', ' ') || ' of ' || component
            || case when rho > 0 then ' moved together' else ' moved in opposite directions' end
            || case when lag_h > 0 then ', lag ' || lag_h || ' h' else '' end
            || printf(', n=%d, ρ=%.2f, ', n, rho)
            || case when q_value < 0.001 then 'q<0.001' else printf('q=%.3f', q_value) end
            || ', after removing size and weekday; ' || tests || ' pairs tested'
    end
{%- endmacro %}
