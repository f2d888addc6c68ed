-- Labels of backups that an attempt failed to make (see macro `failed_labels`).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['instance_id', 'backup_label'],
    pre_hook="{{ begin_anew() }}",
    post_hook="{{ mark_built() }}"
) }}

with final as (

    {% if continues() %}
    {{ failed_labels(this, mark()) }}
    {% else %}
    {{ failed_labels(none, -1) }}
    {% endif %}

)

select * from final
