{#- What the rules about odd backups have in common. -#}

{#- The whole query of a rule about odd backups: per instance the worst verdict of its series.
    The caller's body is the text that says what a breached row means. -#}
{% macro anomaly_rule(rule, kinds, measures, unit) -%}
with verdicts as (

    select * from {{ ref('live_backup_verdicts') }}
    where measure in ('{{ measures | join("', '") }}')

),

instances as (

    select * from {{ ref('stg_instances') }}
    where retired_at is null or retired_at > {{ cbcr_now() }}

),

odd as (

    select
        *,
        row_number() over (
            partition by instance_id
            order by severity, abs(ln(greatest(ratio, 1e-9))) desc, {{ series_key() }}
        ) as place
    from verdicts
    where kind in ('{{ kinds | join("', '") }}')

),

-- what was never compared with anything is not called ok
compared as (

    select instance_id, count(*) as series
    from verdicts
    where expected is not null
    group by instance_id

),

judged as (

    select
        'instance' as subject_kind,
        instances.instance_id as subject_id,
        case
            when odd.kind is null then 'ok'
            when odd.kind = 'size_unknown' then 'unknown'
            else 'breached'
        end as status,
        case
            when odd.kind is null then 'info'
            when odd.kind in ('grown', 'shrunk') and instances.tier > 1 then 'warning'
            else odd.severity
        end as severity,
        odd.ratio as value,
        1 as objective,
        odd.event_started_at as since,
        instances.team,
        {{ instance_labels("odd.kind") }} as labels,
        case
            when odd.kind is null then
                instances.instance_id || ': nothing odd in ' || compared.series
                || ' series of backups'
            else instances.instance_id || ': ' || {{ caller() }}
        end as summary
    from instances
    left join compared using (instance_id)
    left join odd on instances.instance_id = odd.instance_id and odd.place = 1
    where odd.kind is not null or compared.series is not null

),

final as (

    select *, '{{ unit }}' as unit, null::timestamp as changes_at from judged
    union all by name
    select *, '{{ unit }}' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', rule) }}
{%- endmacro %}

{#- "the dump of 2026-01-10 01:00:00Z" -#}
{% macro odd_backup() -%}
    'the ' || coalesce(odd.backup_type, 'backup') || ' of ' || {{ utc_text('odd.started_at') }}
{%- endmacro %}

{#- ", the 3rd in a row" in plain words; nothing for the first. -#}
{% macro odd_in_a_row() -%}
    case when odd.event_runs > 1 then '; ' || odd.event_runs || ' such in a row' else '' end
{%- endmacro %}
