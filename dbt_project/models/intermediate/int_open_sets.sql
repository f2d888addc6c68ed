-- Backup sets that can be used, or could be until some days ago, or that are the last ones of their
-- instance. What is older goes to int_closed_sets in the same transaction: history is then not read
-- again for every hour of news.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_changed_sets() }}",
    post_hook=["{{ judge_sight() }}", "{{ close_sets() }}", "{{ mark_built() }}"]
) }}

-- depends_on: {{ ref('int_rpo_scope') }}
-- depends_on: {{ ref('int_archive_stretches') }}
with changed as (

    select changed.* from {{ ref('int_changed_sets') }} as changed
    {% if execute and not (is_incremental() and continues()) -%}
        anti join closing_chains as closing on {{ is_of_chain('changed', 'closing') }}
    {%- endif %}

),

final as (

    {% if execute and not (is_incremental() and continues()) -%}
        {{ judged_sight('(select *, true as is_in_sight from changed)') }}
    {%- else -%}
        select *, true as is_in_sight from changed
    {%- endif %}

)

select * from final
-- Who looks at what is in sight only finds it together.
order by is_in_sight desc, instance_id
