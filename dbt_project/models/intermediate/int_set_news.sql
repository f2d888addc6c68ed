-- Backup sets that this build says anew, with what was said of them before: those of which something was
-- said since the last build, and what rests on them (is_judged); of a chain that was closed all of it.
-- Empty when the last build is no base to go on from: then all sets are said anew. It reads what is kept
-- as it was before this build, by name: a ref would be a cycle.
-- depends_on: {{ ref('stg_instances') }}
-- depends_on: {{ ref('stg_backup_sets') }}
{{ config(materialized='table') }}

{% if continues('int_open_sets') %}

with failed_labels as (

    select * from {{ ref('int_failed_labels') }}

),

labels as (

    select instance_id, backup_label from failed_labels
    where ingest_seq > {{ mark('int_open_sets') }}

),

{{ touched_sets(
    'intermediate.int_open_sets', mark('int_open_sets'), last_built('int_open_sets')
) }},

{{ told_sets(mark('int_open_sets')) }},

{{ sets_anew() }},

final as (

    select
        brought_back.*,
        anew.label is not null as is_judged,
        known.label is not null as was_known,
        coalesce(known.was_closed, false) as was_closed,
        known.recovery_point_at,
        known.usable_from,
        known.usable_until,
        known.restated_until
    from brought_back
    left join anew on {{ is_same_set('brought_back', 'anew') }}
    left join known on {{ is_same_set('brought_back', 'known') }}

)

select * from final

{% else %}

-- depends_on: {{ ref('int_failed_labels') }}
select
    null::varchar as instance_id,
    null::varchar as source_id,
    null::varchar as repo,
    null::varchar as label,
    false as is_judged,
    false as was_known,
    false as was_closed,
    null::timestamp as recovery_point_at,
    null::timestamp as usable_from,
    null::timestamp as usable_until,
    null::timestamp as restated_until
where false

{% endif %}
