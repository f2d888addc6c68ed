-- How far each log archive reached. Looks are joined for as long as the archive kept up with the
-- objective: between them the exposure never exceeded it. A stretch ends with its day as well, so
-- that its worst lag belongs to one day; and so a day that has news is said anew as a whole.
-- depends_on: {{ ref('stg_instances') }}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_changed_stretches() }}",
    post_hook="{{ mark_built() }}"
) }}

with samples as (

    {{ archive_samples() }}
    {% if continues() -%}
        and (instance_id, sampled_at::date) in (
            select (instance_id, day) from ({{ changed_days(mark(), last_built()) }})
        )
    {%- endif %}

),

final as (

    {{ archive_stretches('samples') }}

)

select * from final
