-- The series of backups of which something was said since the last build: how they stand now, and what
-- is odd. A series that goes on is judged from where it stood; where the past is not what it was, all
-- series of that instance are judged from their first backup on. A row without a measure tells of such
-- an instance, or of all (is_everything). int_backup_norms and fct_backup_anomalies keep what is said
-- here; it reads the former as it was before this build, by name: a ref would be a cycle.
{{ config(materialized='table', post_hook=["{{ mark_built() }}", "{{ forget_replaced_sets() }}"]) }}
-- depends_on: {{ ref('stg_backup_jobs') }}
-- depends_on: {{ ref('stg_backup_sets') }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'backup_sets') }}
-- depends_on: {{ source('raw', 'quarantine') }}

{% set goes_on = continues_series() %}
with
{% if goes_on %}
{{ measures_changed(mark(), last_built()) }},

{{ late_and_fresh(mark()) }},

{{ moved_states() }},

{% endif %}
jobs as (

    {{ accepted('backup_jobs', ['source_id', 'attempt_key'], of='late' if goes_on else none) }}

),

sets as (

    {{ accepted('backup_sets', ['source_id', 'repo', 'label'], of='late' if goes_on else none) }}

),

{{ measured_backups('jobs', 'sets') }},

{{ judged_backups() }},

{{ series_states() }},

final as (

    select *, {{ 'false' if goes_on else 'true' }} as is_everything from states
    union all by name
    {% if goes_on %}
    select *, false as is_everything from moved
    union all by name
    select instance_id, false as is_everything from late
    {% else %}
    select true as is_everything
    {% endif %}

)

select * from final
