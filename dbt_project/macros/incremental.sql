{#- How incremental models go on: by ingest sequence, never by the time of an event.

    A model that uses these macros is materialized incremental (strategy append), deletes in a pre-hook
    what it is about to say anew, and has `mark_built()` as its post-hook. Everything that was loaded
    before its build has an ingest sequence up to the mark; everything later has a greater one. -#}

{#- The ingest sequence up to which a model has read; -1 before its first build. -#}
{% macro mark(model=none) -%}
    (
        select coalesce(max(ingest_seq), -1) from state.build_marks
        where model = '{{ model or this.name }}'
    )
{%- endmacro %}

{#- How far the slowest of some models has read. -#}
{% macro oldest_mark(models) -%}
    (
        select min(marks.ingest_seq) from state.build_marks as marks
        where
            marks.model in (
                {%- for model in models %}
                '{{ model }}'{{ "," if not loop.last }}
                {%- endfor %}
            )
    )
{%- endmacro %}

{#- A build of a past moment is no base for the next one: both say everything anew. A series of builds
    of past moments, each later than the one before, goes on if it says so (`cbcr_goes_on`). -#}
{% macro is_replay() -%}
    {%- do return(var('cbcr_as_of', none) is not none and not var('cbcr_goes_on', false)) -%}
{%- endmacro %}

{% macro mark_built() -%}
    insert or replace into state.build_marks
    select
        '{{ this.name }}', nextval('state.ingest_seq'), {{ cbcr_now() }},
        {{ 'true' if is_replay() else 'false' }}
{%- endmacro %}

{#- Whether a model may keep what it holds. Not after, or for, a build of a past moment; not when names
    of sources mean other instances than before, for then rows leave one instance and join another. -#}
{% macro continues(model=none) -%}
    {%- set model = model or this.name -%}
    {%- if not execute or flags.FULL_REFRESH or is_replay() -%}
        {%- do return(false) -%}
    {%- endif -%}
    {%- set known -%}
        select
            count(*) = 1
            and not bool_or(marks.replayed)
            and coalesce(
                (select max(ingest_seq) from raw.instance_aliases) <= max(marks.ingest_seq), true
            )
            and count(tables.table_name) = 1
        from state.build_marks as marks
        left join information_schema.tables as tables
            on marks.model = tables.table_name and tables.table_catalog = current_database()
        where marks.model = '{{ model }}'
    {%- endset -%}
    {%- do return(run_query(known).columns[0].values()[0] or false) -%}
{%- endmacro %}

{#- Pre-hook of a model that says everything anew where it may not go on from what it holds. -#}
{% macro begin_anew() -%}
    {%- if is_incremental() and not continues() -%}
        delete from {{ this.include(database=false) }}
    {%- endif -%}
{%- endmacro %}

{#- When a model was built last; the beginning of time before its first build. -#}
{% macro last_built(model=none) -%}
    (
        select coalesce(max(built_at), timestamp '0001-01-01') from state.build_marks
        where model = '{{ model or this.name }}'
    )
{%- endmacro %}
