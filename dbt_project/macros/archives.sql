{#- Stretches out of samples of log archives (see int_archive_stretches). -#}
{% macro archive_stretches(samples) -%}
    with looks as (

        select
            samples.instance_id,
            samples.source_id,
            samples.base_label,
            samples.archived_from_at,
            samples.archived_to_at,
            samples.sampled_at,
            samples.sampled_at::date as day,
            instances.rpo_s
        from {{ samples }} as samples
        inner join {{ ref('stg_instances') }} as instances using (instance_id)

    ),

    compared as (

        select
            *,
            {{ seconds_between('lag(archived_to_at) over w', 'sampled_at') }} as lag_s
        from looks
        window
            w as (
                partition by instance_id, source_id, base_label, archived_from_at, day
                order by sampled_at
            )

    ),

    judged as (

        select
            *,
            coalesce(lag_s <= rpo_s or (lag_s is not null and rpo_s is null), false) as is_joined
        from compared

    ),

    numbered as (

        select
            *,
            sum((not is_joined)::integer) over (
                partition by instance_id, source_id, base_label, archived_from_at, day
                order by sampled_at
            ) as stretch
        from judged

    )

    select
        instance_id,
        source_id,
        base_label,
        archived_from_at,
        day,
        stretch,
        min(sampled_at) as known_from_at,
        max(archived_to_at) as archived_to_at,
        max(lag_s) filter (is_joined) as worst_lag_s
    from numbered
    group by all
{%- endmacro %}

{#- Whose archive has news since a mark, and of which day. The objective decides what is joined, so a
    new promise is news of every day; what had not happened yet at the last build is news, too. -#}
{% macro changed_days(since, built_at) -%}
    select distinct instance_id, sampled_at::date as day
    from {{ source('raw', 'log_archive') }}
    where
        instance_id is not null
        and (
            ingest_seq > {{ since }}
            or sampled_at > {{ built_at }}
            or {{ cbcr_now() }} < {{ built_at }}
            or instance_id in (
                select instance_id from {{ ref('stg_instances') }} where ingest_seq > {{ since }}
            )
        )
    union
    select distinct logs.instance_id, logs.sampled_at::date as day
    from {{ source('raw', 'log_archive') }} as logs
    inner join (
        {{ judged('log_archive', ['source_id', 'native_instance', 'sampled_at'], since) }}
    ) as refused_
        on
            logs.source_id = refused_.refused_source_id
            and logs.native_instance = refused_.refused_native_instance
            and logs.sampled_at::varchar = refused_.refused_sampled_at
    where logs.instance_id is not null
{%- endmacro %}

{#- Samples that count. -#}
{% macro archive_samples() -%}
    select * from {{ ref('stg_log_archive') }}
    where archived_to_at is not null and sampled_at <= {{ cbcr_now() }}
{%- endmacro %}

{#- Every moment of data that could be brought back: sets with the span of their chain, and archives that
    continue one. An archive without a usable base is worth nothing; one without a named base continues
    each backup that lies inside of it, and the base that lives longest is the one that counts. -#}
{% macro recovery_points(sets, stretches) -%}
    with continued as (

        select
            stretches.instance_id,
            stretches.source_id,
            sets.repo,
            sets.label,
            'archive' as backup_type,
            stretches.archived_to_at as recovery_point_at,
            greatest(sets.usable_from, stretches.known_from_at) as usable_from,
            sets.usable_until,
            sets.restated_until,
            sets.unusable_reason,
            sets.chain_root_label,
            sets.chain_length,
            sets.source_bytes,
            sets.repo_bytes,
            sets.integrity,
            stretches.worst_lag_s
        from {{ stretches }} as stretches
        inner join {{ sets }} as sets
            on
                stretches.instance_id = sets.instance_id
                and stretches.archived_to_at >= sets.recovery_point_at
        where
            (
                stretches.base_label = sets.label
                or (
                    stretches.base_label is null
                    and coalesce(stretches.archived_from_at <= sets.recovery_point_at, true)
                )
            )
            and (sets.usable_until is null or sets.usable_until > stretches.known_from_at)
        qualify
            row_number() over (
                partition by
                    stretches.instance_id, stretches.source_id, stretches.base_label,
                    stretches.archived_from_at, stretches.day, stretches.stretch,
                    greatest(sets.usable_from, stretches.known_from_at)
                order by sets.usable_until desc nulls first, sets.recovery_point_at desc, sets.label
            ) = 1

    ),

    points as (

        select
            instance_id,
            source_id,
            repo,
            label,
            backup_type,
            recovery_point_at,
            usable_from,
            usable_until,
            restated_until,
            unusable_reason,
            chain_root_label,
            chain_length,
            source_bytes,
            repo_bytes,
            integrity
        from {{ sets }}
        union all by name
        select * from continued

    )

    select
        *,
        {{ was_ever_usable('points') }} as was_ever_usable,
        recovery_point_at <= {{ cbcr_now() }}
        and usable_from <= {{ cbcr_now() }}
        and (usable_until is null or usable_until > {{ cbcr_now() }}) as is_usable_now
    from points
{%- endmacro %}

{#- What ends before it begins was never usable; what comes from the future is not believed. -#}
{% macro was_ever_usable(points) -%}
    (
        {{ points }}.recovery_point_at <= {{ cbcr_now() }}
        and {{ points }}.usable_from <= {{ cbcr_now() }}
        and ({{ points }}.usable_until is null or {{ points }}.usable_until > {{ points }}.usable_from)
    )
{%- endmacro %}

{% macro drop_changed_stretches() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if continues() %}
            where (instance_id, day) in (
                select (instance_id, day) from ({{ changed_days(mark(), last_built()) }})
            )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
