-- The backup sets of the instances that have news, with the span in which they can be used: the open
-- ones, or all that an instance ever had if it is reopened. It reads int_open_sets as it was before
-- this build, by name: a ref would be a cycle.
{{ config(materialized='table') }}

with touched as (

    select * from {{ ref('int_set_news') }}

),

spoilt as (

    select instance_id, backup_label from {{ ref('int_failed_labels') }}
    where not has_success

),

{% set goes_on = continues('int_open_sets') %}
{% if goes_on %}

news as (

    select * from {{ ref('stg_backup_sets') }}
    where instance_id is not null and ingest_seq > {{ mark('int_open_sets') }}

),

{% endif %}

facts as (

    {% if goes_on %}
    {{ facts_of_touched('intermediate.int_open_sets', 'news') }}
    {% else %}
    {{ set_facts(ref('stg_backup_sets')) }}
    {% endif %}

),

final as (

    {{ walk_chains('facts', 'spoilt') }}

)

select * from final
