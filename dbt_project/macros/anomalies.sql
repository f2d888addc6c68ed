{#- How large a backup should have been and how long it should have taken, by its own past: one
    definition for all of history, for what is said anew, and for what arrived since the build.

    The forecast is robust and looks only back: the median of the last ten values in logarithms, plus
    the usual deviation of the weekday, with the errors of earlier forecasts as its spread. So one odd
    backup moves nothing, and after half a dozen backups at a new level that level is the expected one.
    Worked example and accuracy: docs/definitions.md, docs/benchmarks.md. -#}

{#- What holds the whole database; the size of anything else says what changed. -#}
{% macro is_whole(backup_type) -%}
    {{ backup_type }} in ('full', 'dump', 'snapshot')
{%- endmacro %}

{#- What makes up a series: values of one series are compared with one another. -#}
{% macro series_key(prefix='') -%}
    {%- for name in ['instance_id', 'source_id', 'told_by', 'repo', 'backup_type', 'measure'] %}
        {{ prefix }}{{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- CTE `measured`: one row a measure of each successful attempt and each set, from CTEs of raw rows.
    `per` is what a duration is divided by, so that a larger backup is not a slow one. Who measures twice in
    one query gives a `prefix` to the names of the CTEs. -#}
{% macro measured_backups(jobs, sets, prefix='', now=none) -%}
    {%- set now = now or cbcr_now() -%}
    {{ prefix }}successes as (

        select
            *,
            coalesce(repo, '') as place,
            coalesce(started_at, finished_at) as began_at,
            {{ attempt_seconds() }} as took_s
        from {{ jobs }}
        where
            {{ is_success('state') }}
            and instance_id is not null
            and coalesce(finished_at, started_at) <= {{ now }}

    ),

    {{ prefix }}finished_sets as (

        select
            *,
            case when {{ is_whole('backup_type') }} then repo_bytes
            else coalesce(repo_delta_bytes, repo_bytes) end as stored_bytes
        from {{ sets }}
        where instance_id is not null and finished_at <= {{ now }} and started_at is not null

    ),

    {{ prefix }}told as (

        select
            instance_id, source_id, 'attempt' as told_by, place as repo, backup_type,
            'source_bytes' as measure, attempt_key as native_key, backup_label as label,
            began_at as started_at, source_bytes::double as value, 1.0::double as per
        from {{ prefix }}successes
        where {{ is_whole('backup_type') }}
        union all
        select
            instance_id, source_id, 'attempt', place, backup_type,
            'duration_s', attempt_key, backup_label, began_at, took_s,
            case
                when {{ is_whole('backup_type') }} and source_bytes > 0 then source_bytes else 1.0
            end
        from {{ prefix }}successes
        where took_s >= 0
        union all
        select
            instance_id, source_id, 'catalog', repo, backup_type,
            'stored_bytes', label, label, started_at, stored_bytes::double, 1.0
        from {{ prefix }}finished_sets
        where stored_bytes is not null
        union all
        select
            instance_id, source_id, 'catalog', repo, backup_type,
            'source_bytes', label, label, started_at, source_bytes::double, 1.0
        from {{ prefix }}finished_sets
        where {{ is_whole('backup_type') }} and source_bytes is not null

    ),

    {{ prefix }}measured as (

        select
            *,
            case when value > 0 then ln(value / per) end as x,
            dayofweek(started_at) as weekday
        from {{ prefix }}told

    )
{%- endmacro %}

{#- Columns `expected`, `ratio`, `z` of a row that has value, per, x, level, effect and spread. -#}
{% macro forecast_error() -%}
    exp(level + effect) * per as expected,
    exp(x - level - effect) as ratio,
    (x - level - effect) / spread as z
{%- endmacro %}

{#- The spread that forecasts of a series have had; while it is young, a wide one is assumed. -#}
{% macro forecast_spread(mad, known) -%}
    greatest(
        coalesce({{ mad }}, 0) * 1.4826,
        case when {{ known }} >= {{ var('anomaly_known_after') }} then 0.08 else 0.3 end
    )
{%- endmacro %}

{#- Column `kind`: what is odd about a row; NULL where nothing is. -#}
{% macro anomaly_kind() -%}
    case
        when
            measure <> 'duration_s' and {{ is_whole('backup_type') }}
            and (value = 0 or (told_before >= 3 and value < 0.01 * exp(level)))
            then 'empty'
        when measure = 'source_bytes' and value is null and told_before = 10 then 'size_unknown'
        when {{ is_leap() }} and value >= 0.5 * last_whole then 'rewritten'
        when measure <> 'duration_s' and {{ is_whole('backup_type') }} and z >= 5 and ratio >= 1.5
            then 'grown'
        when measure <> 'duration_s' and {{ is_whole('backup_type') }} and z <= -5 and ratio <= 0.67
            then 'shrunk'
        when
            measure = 'duration_s' and value >= 60
            and (
                (z >= 5 and ratio >= 1.5 and {{ is_whole('backup_type') }})
                or (z >= 7 and ratio >= 3)
            )
            then 'slow'
    end
{%- endmacro %}

{#- Whether a part of a database changed as much as several others did: perhaps all of it was rewritten. -#}
{% macro is_leap() -%}
    (
        measure = 'stored_bytes' and not {{ is_whole('backup_type') }}
        and told_before >= 3 and value >= 5 * exp(level)
    )
{%- endmacro %}

{#- How loud an odd backup is: what may not be restorable at all, and what may be an attack, is worst. -#}
{% macro anomaly_severity() -%}
    case
        when kind in ('empty', 'rewritten') or (kind in ('grown', 'shrunk') and abs(z) >= 7)
            then 'critical'
        when kind is not null then 'warning'
    end
{%- endmacro %}
