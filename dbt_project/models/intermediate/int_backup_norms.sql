-- What each series of backups did last, and what its next one is held to. Said anew for the
-- instances that somebody spoke of; between builds live_backup_verdicts goes on from here.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ begin_anew() }}", "{{ begin_series_anew() }}"],
    post_hook="{{ mark_built() }}"
) }}
-- depends_on: {{ source('raw', 'backup_jobs') }}
-- depends_on: {{ source('raw', 'backup_sets') }}
-- depends_on: {{ source('raw', 'quarantine') }}
-- depends_on: {{ source('raw', 'instance_aliases') }}

with {{ series_sources() }},

{{ measured_backups('jobs', 'sets') }},

{{ judged_backups() }},

{{ series_norms() }},

final as (

    select * from norms

)

select * from final
