{#- What models of RPO history delete before they say it anew (see int_rpo_scope). -#}
{% macro drop_from_scope(column, begins) -%}
    {%- if is_incremental() -%}
        {%- if continues() -%}
            delete from {{ this }} as rows_
            using intermediate.int_rpo_scope as scope
            where
                rows_.instance_id = scope.instance_id
                and rows_.{{ column }} >= scope.from_at
                and rows_.{{ begins }} <= scope.to_at
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Which stretches of an instance's life have violations whose causes are looked for anew: what
    int_rpo_scope says, those that an attempt with news can explain, and some days back for everybody: runs
    that were not due have settled. -#}
{% macro violations_scope() -%}
    select instance_id, from_at, to_at from {{ ref('int_rpo_scope') }}
    union all
    select
        jobs.instance_id,
        min(coalesce(jobs.started_at, jobs.scheduled_at, jobs.first_seen_at)) as from_at,
        max(
            coalesce(
                {{ plus_seconds('greatest(jobs.started_at, jobs.finished_at)', 'instances.rpo_s') }}
                + interval 1 day,
                timestamp '9999-12-31'
            )
        ) as to_at
    from {{ ref('stg_backup_jobs') }} as jobs
    inner join {{ ref('stg_instances') }} as instances using (instance_id)
    where jobs.ingest_seq > {{ mark('fct_rpo_violations') }}
    group by jobs.instance_id, coalesce(jobs.started_at < {{ cbcr_now() }} - {{ open_for() }}, false)
    union all
    select
        replaced.instance_id,
        min(replaced.started_at) as from_at,
        max(
            {{ plus_seconds('greatest(replaced.started_at, replaced.finished_at)', 'instances.rpo_s') }}
            + interval 1 day
        ) as to_at
    from state.replaced_backup_jobs as replaced
    inner join {{ ref('stg_instances') }} as instances using (instance_id)
    where replaced.ingest_seq > {{ mark('fct_rpo_violations') }}
    group by
        replaced.instance_id, coalesce(replaced.started_at < {{ cbcr_now() }} - {{ open_for() }}, false)
    union all
    select
        instance_id,
        {{ last_built('fct_rpo_violations') }} - {{ open_for() }} as from_at,
        timestamp '9999-12-31' as to_at
    from {{ ref('stg_instances') }}
{%- endmacro %}

{% macro drop_violations() -%}
    {%- if is_incremental() -%}
        {%- if continues() -%}
            delete from {{ this }} as rows_
            using ({{ violations_scope() }}) as scope
            where
                rows_.instance_id = scope.instance_id
                and rows_.ended_at >= scope.from_at
                and rows_.started_at <= scope.to_at
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- CTEs up to `firsts` and `points`: of relation `reach` (instance_id, looked_from, started_at, objective_s)
    what says why an interval was violated. What was closed long ago is read only of instances that are
    looked at from before, that have an archive, or that have no older point at hand. -#}
{% macro points_of_causes(reach, archived) -%}
    firsts_at_hand as (

        select sets.instance_id, min(sets.usable_from) as usable_from
        from {{ ref('int_open_sets') }} as sets
        where {{ was_ever_usable('sets') }}
        group by sets.instance_id

    ),

    not_at_hand as (

        select reach.instance_id
        from {{ reach }} as reach
        left join firsts_at_hand using (instance_id)
        where coalesce(firsts_at_hand.usable_from >= reach.started_at, true)

    ),

    firsts as (

        select instance_id, min(usable_from) as usable_from
        from (
            select * from firsts_at_hand
            union all
            select sets.instance_id, sets.usable_from
            from intermediate.int_closed_sets as sets
            semi join not_at_hand using (instance_id)
            where {{ was_ever_usable('sets') }}
        )
        group by instance_id

    ),

    looked_at as (

        select
            reach.instance_id,
            case when archived.instance_id is null then reach.looked_from end as looked_from,
            coalesce(reach.looked_from < {{ cbcr_now() }} - interval 40 day, false)
            or archived.instance_id is not null as is_long
        from {{ reach }} as reach
        left join {{ archived }} as archived using (instance_id)

    ),

    sets as (

        select sets.*
        from {{ ref('int_open_sets') }} as sets
        inner join looked_at using (instance_id)
        where coalesce(sets.recovery_point_at > looked_at.looked_from, true)
        union all by name
        select sets.*
        from intermediate.int_closed_sets as sets
        inner join (select * from looked_at where not is_long) as looked_at using (instance_id)
        where
            sets.recovery_point_at > looked_at.looked_from
            and sets.recovery_point_at >= {{ cbcr_now() }} - interval 40 day
        union all by name
        select sets.*
        from intermediate.int_closed_sets as sets
        inner join (select * from looked_at where is_long) as looked_at using (instance_id)
        where coalesce(sets.recovery_point_at > looked_at.looked_from, true)

    ),

    stretches as (

        select stretches.*
        from {{ ref('int_archive_stretches') }} as stretches
        semi join {{ reach }} as reach using (instance_id)

    ),

    points as (

        select
            instance_id,
            backup_type,
            recovery_point_at,
            usable_from,
            usable_until,
            unusable_reason
        from ({{ recovery_points('sets', 'stretches') }})
        where was_ever_usable

    )
{%- endmacro %}
