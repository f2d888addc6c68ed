-- What each series of backups did last, and what its next one is held to; between builds
-- live_backup_verdicts goes on from here, and the next build from the lists.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='sync_all_columns',
    pre_hook="{{ take_back_norms() }}",
    post_hook="{{ mark_built() }}"
) }}

with anew as (

    select * from {{ ref('int_series_anew') }}
    where measure is not null

),

final as (

    select
        * exclude (odd, is_everything),
        {{ next_norms() }}
    from anew

)

select * from final
