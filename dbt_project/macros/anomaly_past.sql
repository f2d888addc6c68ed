{#- A series from its first backup on: each judged by those before it. How a series goes on from what is
    kept of it is in anomaly_steps. -#}

{#- CTEs up to `judged`: every row of CTE `measured` against the rows of its series before it.
    Equal starts are ordered by key, so that any build sees the same past. Names are compared once: what
    is ordered again and again are numbers. -#}
{% macro judged_backups(measured='measured') -%}
    series as materialized (

        select row_number() over () as series, * from (select distinct {{ series_key() }} from {{ measured }})

    ),

    -- Names stay behind: what is ordered goes by numbers, for rows as wide would not fit into memory.
    named as materialized (

        select
            measured.*,
            series.series,
            row_number() over (
                partition by series.series order by measured.started_at, measured.native_key
            ) as n
        from {{ measured }} as measured
        inner join series on {{ is_same_series('measured', 'series') }}

    ),

    placed as (

        select
            series,
            n,
            measure,
            backup_type,
            started_at,
            value,
            per,
            x,
            weekday
        from named

    ),

    levels as (

        select
            *,
            median(x) over ten_before as median_before,
            count(x) over ten_before as told_before
        from placed
        window ten_before as (
            partition by series order by n rows between 10 preceding and 1 preceding
        )

    ),

    deviations as (

        select
            * exclude (median_before),
            case when told_before >= 3 then median_before end as level,
            case when told_before >= 3 then x - median_before end as deviation
        from levels

    ),

    effects as (

        select
            *,
            case when count(deviation) over weekdays >= 4 then median(deviation) over weekdays else 0 end
                as effect,
            row_number() over (partition by series, weekday order by n) as n_on_weekday
        from deviations
        window weekdays as (
            partition by series, weekday order by n rows between 8 preceding and 1 preceding
        )

    ),

    spreads as (

        select
            *,
            abs(deviation - effect) as error,
            count(deviation) over before as known,
            {{ forecast_spread('median(abs(deviation - effect)) over before', 'count(deviation) over before') }}
                as spread
        from effects
        window before as (
            partition by series order by n rows between 56 preceding and 1 preceding
        )

    ),

    -- Only what leapt is compared with the newest whole backup before it.
    last_wholes as (

        select
            leaps.series,
            leaps.n,
            arg_max(wholes.value, (wholes.started_at, wholes.native_key)) as last_whole
        from (
            select named.*
            from named
            semi join (select * from spreads where {{ is_leap() }}) as leapt using (series, n)
        ) as leaps
        inner join {{ measured }} as wholes
            on
                leaps.instance_id = wholes.instance_id
                and leaps.source_id = wholes.source_id
                and leaps.told_by = wholes.told_by
                and leaps.repo is not distinct from wholes.repo
                and leaps.measure = wholes.measure
                and (leaps.started_at, leaps.native_key) > (wholes.started_at, wholes.native_key)
        where {{ is_whole('wholes.backup_type') }}
        group by all

    ),

    kinds as (

        select *, {{ anomaly_kind() }} as kind
        from (
            select spreads.*, last_wholes.last_whole, {{ forecast_error() }}
            from spreads
            left join last_wholes using (series, n)
        )

    ),

    -- What is odd in the same way, one after the other, is one event: few are.
    events as (

        select
            series,
            n,
            min(started_at) over one_event as event_started_at,
            row_number() over (one_event order by n) as event_runs
        from (
            select *, n - row_number() over (partition by series, kind order by n) as event
            from kinds
            where kind is not null
        )
        window one_event as (partition by series, kind, event)

    ),

    judged as (

        select
            kinds.* exclude (measure, backup_type, started_at, value, per, x, weekday),
            named.* exclude (series, n),
            events.event_started_at,
            events.event_runs
        from kinds
        inner join named using (series, n)
        left join events using (series, n)

    )
{%- endmacro %}

{#- CTEs up to `states`: the states of all series, or of some instances', from their first backup on. -#}
{% macro states_from_the_first(of=none, part=none) -%}
    jobs as (

        {{ accepted('backup_jobs', ['source_id', 'attempt_key'], of=of, part=part) }}

    ),

    sets as (

        {{ accepted('backup_sets', ['source_id', 'repo', 'label'], of=of, part=part) }}

    ),

    {{ measured_backups('jobs', 'sets') }},

    {{ judged_backups() }},

    {{ series_states() }}
{%- endmacro %}

{#- In how many parts all of history is judged: what is ordered at once has to fit into memory. -#}
{% macro parts_of_series() -%}
    {%- if not execute -%} {%- do return(1) -%} {%- endif -%}
    {%- set told -%}
        select
            (select count(*) from {{ source('raw', 'backup_jobs') }})
            + (select count(*) from {{ source('raw', 'backup_sets') }})
    {%- endset -%}
    {%- do return(1 + run_query(told).columns[0].values()[0] // var('series_part_rows')) -%}
{%- endmacro %}

{#- Judge the parts after the first; nothing where all is one part, or where series go on. -#}
{% macro other_parts_of_series() -%}
    {%- set parts = 1 if continues_series() else parts_of_series() -%}
    {%- for n in range(1, parts) %}
        insert into {{ this }} by name
        with
        {{ states_from_the_first(part={'n': n, 'of': parts}) }}
        select *, true as is_everything from states;
    {%- endfor %}
{%- endmacro %}
