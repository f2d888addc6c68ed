-- The newest backup of each series, now, against what it was held to: said at the last build, or
-- since then by the norms of that build. At a moment that no build has seen, from all of history.
with base as (

    select judged.ingest_seq
    from state.build_marks as judged
    inner join state.build_marks as kept on judged.ingest_seq < kept.ingest_seq
    where
        judged.model = 'int_series_anew'
        and kept.model = 'int_backup_norms'
        and not judged.replayed
        and not kept.replayed
        and kept.built_at <= {{ cbcr_now() }}

),

no_base as (

    select 1 as nothing
    where not exists (select 1 from base)

),

kept as not materialized (

    select norms.* from {{ ref('int_backup_norms') }} as norms
    where exists (select 1 from base)

),

jobs as not materialized (

    select * from {{ ref('stg_backup_jobs') }}
    where ingest_seq > (select coalesce(max(base.ingest_seq), -1) from base)

),

sets as not materialized (

    select * from {{ ref('stg_backup_sets') }}
    where ingest_seq > (select coalesce(max(base.ingest_seq), -1) from base)

),

{{ measured_backups('jobs', 'sets') }},

-- The newest whole backup that a part is compared with.
newest_wholes as (

    select
        instance_id,
        source_id,
        repo,
        arg_max(value, (started_at, native_key)) as last_whole
    from kept
    where measure = 'stored_bytes' and {{ is_whole('backup_type') }}
    group by all

),

held as (

    select
        measured.*,
        kept.next_level as level,
        coalesce(kept.effects[measured.weekday + 1], 0) as effect,
        coalesce(kept.next_told, 0) as told_before,
        coalesce(kept.next_known, 0) as known,
        coalesce(kept.next_spread, 0.3) as spread,
        newest_wholes.last_whole,
        kept.kind as kind_before,
        kept.event_started_at as event_before,
        kept.event_runs as runs_before
    from measured
    left join kept on {{ is_same_series('measured', 'kept') }}
    left join newest_wholes
        on
            measured.instance_id = newest_wholes.instance_id
            and measured.source_id = newest_wholes.source_id
            and measured.repo = newest_wholes.repo
            and measured.measure = 'stored_bytes'
    where
        exists (select 1 from base)
        and (
            kept.started_at is null
            or (measured.started_at, measured.native_key) > (kept.started_at, kept.native_key)
        )

),

held_to as (

    select *, {{ forecast_error() }} from held

),

fresh as (

    select *, {{ anomaly_kind() }} as kind from held_to

),

never_built as (

    select measured.* from measured
    where exists (select 1 from no_base)

),

{{ judged_backups('never_built') }},

verdicts as (

    select
        {{ series_key() }}, native_key, label, started_at, value, expected, ratio, z, kind,
        event_started_at, event_runs, runs
    from kept
    union all
    select
        {{ series_key() }}, native_key, label, started_at, value, expected, ratio, z, kind,
        case when kind = kind_before then event_before else started_at end,
        case when kind = kind_before then runs_before + 1 else 1 end,
        known
    from fresh
    union all
    select
        {{ series_key() }}, native_key, label, started_at, value, expected, ratio, z, kind,
        event_started_at, event_runs, known
    from judged

),

final as (

    select
        {{ series_key() }}, native_key, label, started_at, value, expected, ratio, z, kind,
        {{ anomaly_severity() }} as severity,
        event_started_at,
        event_runs,
        runs
    from verdicts
    where started_at >= {{ cbcr_now() }} - to_days({{ var('anomaly_current_days') }})
    qualify
        row_number() over (
            partition by {{ series_key() }} order by started_at desc, native_key desc
        ) = 1

)

select * from final
