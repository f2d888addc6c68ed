-- How far each log archive reached. Looks are joined for as long as the archive kept up with the
-- objective: between them the exposure never exceeded it. A stretch ends with its day as well, so
-- that its worst lag belongs to one day.
with samples as (

    select
        samples.instance_id,
        samples.source_id,
        samples.base_label,
        samples.archived_from_at,
        samples.archived_to_at,
        samples.sampled_at,
        instances.rpo_s
    from {{ ref('stg_log_archive') }} as samples
    inner join {{ ref('stg_instances') }} as instances using (instance_id)
    where samples.archived_to_at is not null and samples.sampled_at <= {{ cbcr_now() }}

),

compared as (

    select
        *,
        {{ seconds_between('lag(archived_to_at) over w', 'sampled_at') }} as lag_s,
        {{ day_number('lag(sampled_at) over w') }} = {{ day_number('sampled_at') }} as is_same_day
    from samples
    window
        w as (
            partition by instance_id, source_id, base_label, archived_from_at
            order by sampled_at
        )

),

judged as (

    select *, coalesce(is_same_day and (lag_s <= rpo_s or rpo_s is null), false) as is_joined
    from compared

),

numbered as (

    select
        *,
        sum((not is_joined)::integer) over (
            partition by instance_id, source_id, base_label, archived_from_at
            order by sampled_at
        ) as stretch
    from judged

),

final as (

    select
        instance_id,
        source_id,
        base_label,
        archived_from_at,
        stretch,
        min(sampled_at) as known_from_at,
        max(archived_to_at) as archived_to_at,
        max(lag_s) filter (is_joined) as worst_lag_s
    from numbered
    group by all

)

select * from final
