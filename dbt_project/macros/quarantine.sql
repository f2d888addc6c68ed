{#- The one place that knows which rows the data contract refuses. Entries of the contract name a row
    by its key as a JSON list; entries of connectors name a file and line, and so match no row. -#}
{% macro refused(table, key) -%}
    select distinct
        {{ named_rows(key) }}
    from {{ source('raw', 'quarantine') }}
    where table_name = '{{ table }}' and released_at is null
{%- endmacro %}

{#- The rows that were refused, released or found repaired after an ingest sequence. -#}
{% macro judged(table, key, since) -%}
    select distinct
        {{ named_rows(key) }}
    from {{ source('raw', 'quarantine') }}
    where table_name = '{{ table }}' and ingest_seq > {{ since }}
{%- endmacro %}

{% macro named_rows(key) -%}
    {%- for name in key %}
        try_cast(native_id as json) ->> '$[{{ loop.index0 }}]' as refused_{{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The rows of a raw table that models may believe; those `of` some instances only, if so asked. -#}
{% macro accepted(table, key, of=none, part=none) -%}
    select rows_.*
    from {{ source('raw', table) }} as rows_
    {% if of -%} semi join {{ of }} using (instance_id) {%- endif %}
    anti join ({{ refused(table, key) }}) as refused_
        on
            {% for name in key -%}
            rows_.{{ name }}::varchar = refused_.refused_{{ name }}
            {%- if not loop.last %} and {% endif %}
            {%- endfor %}
    {% if part and part.of > 1 -%} where hash(rows_.instance_id) % {{ part.of }} = {{ part.n }} {%- endif %}
{%- endmacro %}
