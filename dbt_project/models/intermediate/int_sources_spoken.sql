-- Which source ever spoke of which instance, and since which load. A source that only sent refused
-- rows of it has spoken as well. Whoever reads it adds the raw rows above its mark.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ begin_anew() }}",
    post_hook="{{ mark_built() }}"
) }}

with {{ spoken_above(mark() if is_incremental() and continues() else '-1') }},

final as (

    select
        source_id,
        instance_id,
        min(ingest_seq) as ingest_seq
    from spoken
    {% if is_incremental() -%}
        anti join {{ this.include(database=false) }} using (source_id, instance_id)
    {%- endif %}
    group by all

)

select * from final
