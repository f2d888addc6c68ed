-- Backup sets that can be used, or could be until some days ago, or that are the last ones of their
-- instance. What is older goes to int_closed_sets in the same transaction: history is then not read
-- again for every hour of news.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_changed_sets() }}",
    post_hook=["{{ close_sets() }}", "{{ mark_built() }}"]
) }}

-- depends_on: {{ ref('int_rpo_scope') }}
with changed as (

    select * from {{ ref('int_changed_sets') }}

),

final as (

    select * from changed

)

select * from final
