{#- The state of each series of backups, one row a series: enough to judge its next backup as all of
    history would. What happened since the last build is in anomaly_news, how a state moves on in
    anomaly_steps. -#}

{#- Whether two relations speak of one series. -#}
{% macro is_same_series(one, other) -%}
    {%- for name in ['instance_id', 'source_id', 'told_by', 'repo', 'backup_type', 'measure'] %}
        {{ one }}.{{ name }} is not distinct from {{ other }}.{{ name }} {{ "and" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- What is told of an odd backup, as one value. -#}
{% macro odd_backup_told() -%}
    {
        'native_key': native_key, 'label': label, 'started_at': started_at, 'kind': kind,
        'value': value, 'expected': expected, 'ratio': ratio, 'z': z, 'spread': spread,
        'known': known, 'event_started_at': event_started_at, 'event_runs': event_runs
    }
{%- endmacro %}

{#- CTEs up to `states`: of each series in CTE `judged` the newest row, what the next is compared with, and
    what was odd. -#}
{% macro series_states() -%}
    totals as (

        select
            series,
            weekday,
            count(*) as runs_on_weekday,
            (sum(count(*)) over (partition by series))::bigint as runs
        from judged
        group by series, weekday

    ),

    backwards as (

        select
            judged.*,
            totals.runs,
            totals.runs - judged.n + 1 as back,
            totals.runs_on_weekday - judged.n_on_weekday + 1 as back_on_weekday
        from judged
        inner join totals using (series, weekday)
        where
            totals.runs - judged.n < 56
            or totals.runs_on_weekday - judged.n_on_weekday < 8
            or judged.kind is not null
            or {{ is_leap() }}

    ),

    pasts as (

        select
            series,
            any_value(runs) as runs,
            list(x order by n) filter (back <= 10) as xs,
            list(error order by n) filter (back <= 56) as errors,
            [
                {%- for day in range(7) %}
                coalesce(
                    list(deviation order by n) filter (weekday = {{ day }} and back_on_weekday <= 8), []
                ){{ "," if not loop.last }}
                {%- endfor %}
            ] as deviations,
            max(started_at) filter ({{ is_leap() }}) as leapt_at,
            list({{ odd_backup_told() }}) filter (kind is not null) as odd
        from backwards
        group by series

    ),

    states as (

        select
            {{ series_key('newest.') }},
            newest.native_key,
            newest.label,
            newest.started_at,
            newest.value,
            newest.expected,
            newest.ratio,
            newest.z,
            newest.kind,
            newest.event_started_at,
            newest.event_runs,
            pasts.* exclude (series)
        from backwards as newest
        inner join pasts using (series)
        where newest.back = 1

    )
{%- endmacro %}

{#- What the deviations of one weekday say of its next backup. -#}
{% macro weekday_effect(deviations) -%}
    case when list_count({{ deviations }}) >= 4 then list_median({{ deviations }}) else 0 end
{%- endmacro %}

{#- The level of what came last. -#}
{% macro level_of(xs) -%}
    case when list_count({{ xs }}) >= 3 then list_median({{ xs }}) end
{%- endmacro %}

{#- Columns of a state that the next backup is held to. -#}
{% macro next_norms() -%}
    {{ level_of('xs') }} as next_level,
    list_count(xs) as next_told,
    {{ forecast_spread('list_median(errors)', 'list_count(errors)') }} as next_spread,
    list_count(errors) as next_known,
    [
        {%- for day in range(7) %}
        {{ weekday_effect('deviations[' ~ (day + 1) ~ ']') }}{{ "," if not loop.last }}
        {%- endfor %}
    ] as effects
{%- endmacro %}

{#- May models of odd backups go on from the states of the last build? Not if a build broke off between
    int_series_anew and those that keep what it said. -#}
{% macro continues_series() -%}
    {%- set kept = ['int_backup_norms', 'fct_backup_anomalies'] -%}
    {%- for name in ['int_series_anew'] + kept -%}
        {%- if not continues(name) -%}
            {%- do return(false) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set all_kept -%}
        select {{ oldest_mark(kept) }} > {{ mark('int_series_anew') }}
    {%- endset -%}
    {%- do return(run_query(all_kept).columns[0].values()[0]) -%}
{%- endmacro %}

{#- Pre-hooks of those that keep what int_series_anew says: what was said of it before is taken back. -#}
{% macro take_back_instances() -%}
    delete from {{ this.include(database=false) }} as said
    where
        (select coalesce(bool_or(is_everything), false) from intermediate.int_series_anew)
        or said.instance_id in (
            select instance_id from intermediate.int_series_anew
            where measure is null and instance_id is not null
        )
{%- endmacro %}

{% macro take_back_norms() -%}
    {%- if is_incremental() -%}
        {{ take_back_instances() }};
        delete from {{ this.include(database=false) }} as said
        using intermediate.int_series_anew as anew
        where {{ is_same_series('said', 'anew') }}
    {%- endif -%}
{%- endmacro %}

{#- What the catalog said goes as well, once an attempt says it. -#}
{% macro take_back_odd() -%}
    {%- if is_incremental() -%}
        {{ take_back_instances() }};
        create or replace temp table odd_anew as
        select {{ series_key() }}, unnest(odd).native_key as native_key, unnest(odd).label as label
        from intermediate.int_series_anew
        where odd is not null;
        delete from {{ this.include(database=false) }} as said
        using odd_anew as anew
        where said.native_key = anew.native_key and {{ is_same_series('said', 'anew') }};
        delete from {{ this.include(database=false) }} as said
        using odd_anew as anew
        where
            said.told_by = 'catalog'
            and anew.told_by = 'attempt'
            and said.instance_id = anew.instance_id
            and said.label = anew.label
            and said.measure = anew.measure
    {%- endif -%}
{%- endmacro %}
