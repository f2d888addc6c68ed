-- The series of backups of which something was said since the last build: how they stand now, and what
-- is odd. A series that goes on is judged from where it stood; where the past is not what it was, all
-- series of that instance are judged from their first backup on. A row without a measure tells of such
-- an instance, or of all (is_everything). int_backup_norms and fct_backup_anomalies keep what is said
-- here; it reads the former as it was before this build, by name: a ref would be a cycle.
{{ config(
    materialized='table',
    post_hook=["{{ other_parts_of_series() }}", "{{ mark_built() }}", "{{ forget_replaced_sets() }}"]
) }}
-- depends_on: {{ ref('stg_backup_jobs') }}
-- depends_on: {{ ref('stg_backup_sets') }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'backup_sets') }}
-- depends_on: {{ source('raw', 'quarantine') }}

{% if continues_series() %}
with
{{ measures_changed(mark(), last_built()) }},

{{ late_and_fresh(mark()) }},

{{ moved_states() }},

{{ states_from_the_first(of='late') }},

final as (

    select *, false as is_everything from states
    union all by name
    select *, false as is_everything from moved
    union all by name
    select instance_id, false as is_everything from late

)
{% else %}
with
{{ states_from_the_first(part={'n': 0, 'of': parts_of_series()}) }},

final as (

    select *, true as is_everything from states
    union all by name
    select true as is_everything

)
{% endif %}

select * from final
