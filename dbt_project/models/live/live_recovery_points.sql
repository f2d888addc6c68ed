-- The points that count now: what the last build left open, and the sets and archives of every instance
-- of which something was said since, judged when this is read. For a moment before the last build all
-- instances are judged from their whole history.
with new_labels as (

    {{ failed_labels(ref('int_failed_labels'), mark('int_failed_labels')) }}

),

failed_labels as (

    select * from new_labels
    union all by name
    select * from {{ ref('int_failed_labels') }} anti join new_labels using (instance_id, backup_label)

),

{{ touched_sets(
    ref('int_open_sets'), mark('int_open_sets'), last_built('int_open_sets')
) }},

spoilt as (

    select instance_id, backup_label from failed_labels
    where not has_success

),

facts as (

    {{ facts_of_touched(ref('int_open_sets'), 'news') }}

),

sets as (

    select * from ({{ walk_chains('facts', 'spoilt') }}) as changed
    union all by name
    select known.* exclude (is_in_sight)
    from {{ ref('int_open_sets') }} as known
    anti join touched using (instance_id)
    where known.is_in_sight

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
