{% macro sla_columns(relation, rule) -%}
    {#- The columns of every rule, in their order and types; a rule names what differs. -#}
    '{{ rule }}'::varchar as rule,
    subject_kind::varchar as subject_kind,
    subject_id::varchar as subject_id,
    status::varchar as status,
    severity::varchar as severity,
    value::double as value,
    objective::double as objective,
    unit::varchar as unit,
    since::timestamp as since,
    changes_at::timestamp as changes_at,
    team::varchar as team,
    labels::varchar as labels,
    summary::varchar as summary,
    'docs/runbooks/{{ rule }}.md'::varchar as runbook
    from {{ relation }}
{%- endmacro %}

{#- `volume` lets an alert about a full or dead volume silence what it causes. -#}
{% macro instance_labels(error_code='null', volume='null') -%}
    to_json({
        'instance': instance_id, 'tier': tier, 'environment': environment, 'db_type': db_type,
        'error_code': {{ error_code }}, 'volume': {{ volume }}
    })
{%- endmacro %}

{% macro retired_rows(why='retired') -%}
    {#- A retired instance says goodbye for a week, so that its open alerts are resolved. -#}
    select
        'instance' as subject_kind, instance_id as subject_id, 'ok' as status, 'info' as severity,
        null as value, null as objective, retired_at as since, null as changes_at,
        team, {{ instance_labels() }} as labels, instance_id || ' is {{ why }}' as summary
    from {{ ref('stg_instances') }}
    where retired_at <= {{ cbcr_now() }} and retired_at > {{ cbcr_now() }} - interval 7 day
{%- endmacro %}

{% macro create_sla_evaluations() -%}
    {#- live.sla_evaluations is the union of all rules of the project: adding a rule adds its file. -#}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set rules = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'model')
            | selectattr('schema', 'equalto', 'sla') | map(attribute='name') | sort -%}
        {%- set built = [] -%}
        {%- for rule in rules -%}
            {%- if adapter.get_relation(target.database, 'sla', rule) -%}
                {%- do built.append(rule) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if built -%}
            create schema if not exists live;
            create or replace view live.sla_evaluations as
            {% for rule in built %}
                from sla.{{ rule }} {% if not loop.last %}union all by name{% endif %}
            {% endfor %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
