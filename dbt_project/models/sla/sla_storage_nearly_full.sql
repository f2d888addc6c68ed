-- Is a volume nearly full now? Judged by its newest sample, without waiting for a build.
with volumes as (

    select
        *,
        stale_at < {{ cbcr_now() }} or used_share is null as is_unknown
    from {{ ref('live_storage') }}

),

judged as (

    select
        'volume' as subject_kind,
        volume as subject_id,
        case
            when is_forgotten then 'ok'
            when coalesce(is_unknown, true) then 'unknown'
            when used_share >= {{ var('storage_nearly_full_share') }} then 'breached'
            when used_share >= {{ var('storage_filling_share') }} then 'approaching'
            else 'ok'
        end as status,
        case status when 'breached' then 'critical' when 'ok' then 'info' else 'warning' end
            as severity,
        used_share as value,
        {{ var('storage_nearly_full_share') }} as objective,
        'ratio' as unit,
        null as since,
        -- Nothing new is a change, too: what is not sampled any more is not known any more.
        case when not coalesce(is_unknown, true) then stale_at + interval 1 microsecond end
            as changes_at,
        team,
        labels,
        case
            when is_forgotten then volume || ' is not sampled any more, and nothing uses it'
            when last_good_at is null then volume || ' was never sampled: nobody knows how full it is'
            when capacity_bytes is null
                then volume || ' holds ' || {{ human_bytes('used_bytes') }}
                    || ', and nobody knows how large it is'
            when stale_at < {{ cbcr_now() }}
                then 'nobody knows how full ' || volume || ' is: it was last sampled at '
                    || {{ utc_text('last_good_at') }}
            else volume || ' is ' || printf('%.1f %%', 100 * used_share) || ' full: '
                || {{ human_bytes('greatest(capacity_bytes - used_bytes, 0)') }} || ' of '
                || {{ human_bytes('capacity_bytes') }} || ' are left, at '
                || {{ utc_text('last_good_at') }}
        end as summary
    from volumes

)

select {{ sla_columns('judged', 'storage_nearly_full') }}
