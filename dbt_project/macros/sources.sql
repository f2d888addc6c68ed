{#- CTE `spoken`: sources and the instances that they spoke of in loads later than `sequence`. -#}
{% macro spoken_above(sequence) -%}
    spoken as (

        {% for table in ('backup_jobs', 'backup_sets', 'log_archive') -%}
        select source_id, instance_id, ingest_seq
        from {{ source('raw', table) }}
        where instance_id is not null and ingest_seq > {{ sequence }}
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    )
{%- endmacro %}

{#- The mark of int_sources_spoken while it holds: names of sources must mean what they meant. -#}
{% macro spoken_mark() -%}
    (
        select coalesce(max(marks.ingest_seq), -1)
        from state.build_marks as marks
        where
            marks.model = 'int_sources_spoken'
            and not exists (
                select 1 from {{ source('raw', 'instance_aliases') }} as aliases
                where aliases.ingest_seq > marks.ingest_seq
            )
    )
{%- endmacro %}
