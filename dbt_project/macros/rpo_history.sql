{#- What models of RPO history delete before they say it anew (see int_rpo_scope). -#}
{% macro drop_from_scope(column) -%}
    {%- if is_incremental() -%}
        {%- if continues() -%}
            delete from {{ this }} as rows_
            using intermediate.int_rpo_scope as scope
            where rows_.instance_id = scope.instance_id and rows_.{{ column }} >= scope.from_at
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- From when on the causes of an instance's violations are looked for anew: what int_rpo_scope says, the
    first attempt that has news, and some days back for everybody: runs that were not due have settled. -#}
{% macro violations_scope() -%}
    select instance_id, min(from_at) as from_at
    from (
        select instance_id, from_at from {{ ref('int_rpo_scope') }}
        union all
        select
            instance_id,
            min(coalesce(started_at, scheduled_at, first_seen_at)) as from_at
        from {{ ref('stg_backup_jobs') }}
        where ingest_seq > {{ mark('fct_rpo_violations') }} and instance_id is not null
        group by instance_id
        union all
        select instance_id, {{ last_built('fct_rpo_violations') }} - {{ open_for() }} as from_at
        from {{ ref('stg_instances') }}
    )
    group by instance_id
{%- endmacro %}

{% macro drop_violations() -%}
    {%- if is_incremental() -%}
        {%- if continues() -%}
            delete from {{ this }} as rows_
            using ({{ violations_scope() }}) as scope
            where rows_.instance_id = scope.instance_id and rows_.ended_at >= scope.from_at
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
