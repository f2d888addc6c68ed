-- The points that count now: what the last build left open, and the sets and archives of every instance
-- of which something was said since, judged when this is read. For a moment before the last build all
-- instances are judged from their whole history.
with catalog as (

    select * from {{ ref('stg_backup_sets') }}
    where instance_id is not null

),

open_sets as (

    select * from {{ ref('int_open_sets') }}

),

attempts as (

    {{ labelled_attempts() }}

),

new_labels as (

    {{ failed_labels('attempts', ref('int_failed_labels'), mark('int_failed_labels')) }}

),

failed_labels as (

    select * from new_labels
    union all by name
    select * from {{ ref('int_failed_labels') }} anti join new_labels using (instance_id, backup_label)

),

{{ touched_sets(mark('int_open_sets'), last_built('int_open_sets')) }},

spoilt as (

    select instance_id, backup_label from failed_labels
    where not has_success

),

facts as (

    {{ facts_of_touched(mark('int_open_sets')) }}

),

sets as (

    select * from ({{ walk_chains('facts', 'spoilt') }})
    union all by name
    select * from open_sets anti join touched using (instance_id)

),

new_days as (

    {{ changed_days(mark('int_archive_stretches'), last_built('int_archive_stretches')) }}

),

samples as (

    {{ archive_samples() }}
    and (instance_id, sampled_at::date) in (select (instance_id, day) from new_days)

),

archives as (

    select * from {{ ref('int_archive_stretches') }} anti join new_days using (instance_id, day)
    union all by name
    ({{ archive_stretches('samples') }})

),

final as (

    {{ recovery_points('sets', 'archives') }}

)

select * from final
