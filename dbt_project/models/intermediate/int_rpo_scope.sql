-- Which days of each instance's RPO are said anew by this build: those from the last build on for all
-- that are protected, for their exposure grew; days before where something was said about the past (a
-- second row, is_past, unless they reach into the first); all where a promise changed, or the last build
-- is no base. It looks at what int_rpo_intervals held before, by name: a ref would be a cycle.
-- What a build that broke off left unsaid stays in.
-- depends_on: {{ ref('stg_log_archive') }}
-- depends_on: {{ ref('int_set_news') }}
-- depends_on: {{ ref('int_changed_sets') }}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='instance_id',
    on_schema_change='sync_all_columns',
    pre_hook="{{ begin_anew() }}",
    post_hook=[
        "delete from {{ this }} where scoped_at < (select max(scoped_at) from {{ this }})",
        "{{ mark_built() }}",
    ]
) }}
{% set consumers = ['int_rpo_intervals', 'fct_rpo_violations', 'fct_rpo_compliance_daily'] %}
{% set bases = ['int_open_sets', 'int_archive_stretches', this.name] + consumers %}
{% set ns = namespace(goes_on=is_incremental()) %}
{% for model in bases %}
    {% if ns.goes_on %}{% set ns.goes_on = continues(model) %}{% endif %}
{% endfor %}

with instances as (

    select * from {{ ref('stg_instances') }}

),

{% if ns.goes_on %}

news as (

    select * from {{ ref('int_set_news') }}

),

changed as (

    select * from {{ ref('int_changed_sets') }}

),

compared as (

    select
        news.instance_id,
        coalesce(
            sets.usable_from = news.usable_from
            and sets.recovery_point_at = news.recovery_point_at,
            false
        ) as begins_alike,
        sets.usable_from,
        news.usable_from as was_usable_from,
        coalesce(sets.usable_until, timestamp '9999-12-31') as usable_until,
        coalesce(news.usable_until, timestamp '9999-12-31') as was_usable_until,
        coalesce(sets.restated_until, timestamp '9999-12-31') as restated_until,
        coalesce(news.restated_until, timestamp '9999-12-31') as was_restated_until,
        sets.label is not null as is_known,
        news.was_known
    from news
    left join changed as sets on {{ is_same_set('news', 'sets') }}

),

-- Where the span or the moment of a set differs: from the first moment that this matters to the last.
moved as (

    select
        instance_id,
        least(
            case when usable_until <> was_usable_until then least(usable_until, was_usable_until) end,
            case
                when restated_until <> was_restated_until
                    then least(restated_until, was_restated_until)
            end
        ) as from_at,
        greatest(
            case
                when usable_until <> was_usable_until then greatest(usable_until, was_usable_until)
            end,
            case
                when restated_until <> was_restated_until
                    then greatest(restated_until, was_restated_until)
            end
        ) as to_at
    from compared
    where begins_alike
    union all
    select
        instance_id,
        least(usable_from, was_usable_from) as from_at,
        greatest(
            case when is_known then greatest(usable_until, restated_until) end,
            case when was_known then greatest(was_usable_until, was_restated_until) end
        ) as to_at
    from compared
    where not begins_alike and (is_known or was_known)

),

wanted as (

    select
        instance_id,
        date_trunc('day', {{ last_built() }}) as from_at,
        timestamp '9999-12-31' as to_at
    from instances
    where retired_at is null or retired_at >= {{ last_built() }} - interval 1 day
    union all
    select instance_id, from_at, to_at from moved
    where from_at is not null
    union all
    select instance_id, day::timestamp, timestamp '9999-12-31'
    from ({{ changed_days(mark(), last_built()) }})
    union all
    select instance_id, timestamp '0001-01-01', timestamp '9999-12-31' from instances
    where ingest_seq > {{ mark() }}
    union all
    select instance_id, from_at, to_at from {{ this }}
    where {{ mark() }} > {{ oldest_mark(consumers) }}

),

-- Whole days; the grace of a new instance depends on its first point.
in_days as (

    select
        instance_id,
        case
            when date_trunc('day', wanted.from_at) <= {{ grace_ends_at() }}
                then timestamp '0001-01-01'
            else date_trunc('day', wanted.from_at)
        end as from_at,
        case
            when
                date_trunc('day', wanted.from_at) <= {{ grace_ends_at() }}
                or wanted.to_at >= date_trunc('day', {{ last_built() }}) - interval 8 day
                then timestamp '9999-12-31'
            else date_trunc('day', wanted.to_at) + interval 1 day
        end as to_at
    from wanted
    inner join instances using (instance_id)

),

latest as (

    select instance_id, min(from_at) as from_at from in_days
    where to_at = timestamp '9999-12-31'
    group by instance_id

),

past as (

    select in_days.instance_id, min(in_days.from_at) as from_at, max(in_days.to_at) as to_at
    from in_days
    left join latest using (instance_id)
    where in_days.to_at < timestamp '9999-12-31' and coalesce(in_days.from_at < latest.from_at, true)
    group by in_days.instance_id

),

ranges as (

    select
        instance_id,
        case
            when past.to_at >= latest.from_at then least(past.from_at, latest.from_at)
            else latest.from_at
        end as from_at,
        timestamp '9999-12-31' as to_at,
        false as is_past
    from latest
    left join past using (instance_id)
    union all
    select past.instance_id, past.from_at, past.to_at, true as is_past
    from past
    left join latest using (instance_id)
    where coalesce(past.to_at < latest.from_at, true)

),

-- What was violated when a range begins, since when; and when it ends, until when.
final as (

    select
        ranges.instance_id,
        ranges.from_at,
        max(intervals.started_at) filter (
            intervals.started_at < ranges.from_at and intervals.ended_at >= ranges.from_at
        ) as violated_since,
        {{ cbcr_now() }} as scoped_at,
        ranges.to_at,
        max(intervals.ended_at) filter (
            intervals.started_at <= ranges.to_at and intervals.ended_at > ranges.to_at
        ) as violated_until,
        ranges.is_past
    from ranges
    left join intermediate.int_rpo_intervals as intervals
        on
            ranges.instance_id = intervals.instance_id
            and ranges.from_at <= intervals.ended_at
            and ranges.to_at >= intervals.started_at
    group by all

)

{% else %}

final as (

    select
        instance_id,
        timestamp '0001-01-01' as from_at,
        null::timestamp as violated_since,
        {{ cbcr_now() }} as scoped_at,
        timestamp '9999-12-31' as to_at,
        null::timestamp as violated_until,
        false as is_past
    from instances

)

{% endif %}

select * from final
