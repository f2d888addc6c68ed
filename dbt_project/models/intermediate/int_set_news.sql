-- Instances of whose backup sets something was said since the last build, and whether the sets that
-- are at hand (int_open_sets) are not enough to judge it. Every instance, when the last build is no
-- base to go on from. It reads int_open_sets as it was before this build, by name: a ref would be a
-- cycle.
-- depends_on: {{ ref('stg_instances') }}
{{ config(materialized='table') }}

with failed_labels as (

    select * from {{ ref('int_failed_labels') }}

),

{% if continues('int_open_sets') %}

{{ touched_sets(
    'intermediate.int_open_sets', mark('int_open_sets'), last_built('int_open_sets')
) }},

final as (

    select instance_id, is_reopened from touched

)

{% else %}

final as (

    select distinct instance_id, true as is_reopened from {{ ref('stg_backup_sets') }}
    where instance_id is not null

)

{% endif %}

select * from final
