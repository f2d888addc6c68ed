-- From when on the RPO of each instance is said anew by this build: from the start of the day of the
-- last build for all that are protected, for their exposure grew; earlier where something was said
-- about the past; from the beginning of time where a promise changed, or the last build is no base.
-- It looks at what int_open_sets and int_rpo_intervals held before, by name: a ref would be a cycle.
-- What a build that broke off left unsaid stays in.
-- depends_on: {{ ref('stg_log_archive') }}
-- depends_on: {{ ref('int_set_news') }}
-- depends_on: {{ ref('int_changed_sets') }}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='instance_id',
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

after_ as (

    select * from {{ ref('int_changed_sets') }}

),

before_ as (

    select sets.*
    from intermediate.int_open_sets as sets
    semi join news using (instance_id)

),

-- Where the span or the moment of a set differs, from the first moment at which that matters.
moved as (

    select
        coalesce(after_.instance_id, before_.instance_id) as instance_id,
        case
            when
                after_.usable_from is not distinct from before_.usable_from
                and after_.recovery_point_at is not distinct from before_.recovery_point_at
                then least(
                    case
                        when after_.usable_until is distinct from before_.usable_until
                            then least(after_.usable_until, before_.usable_until)
                    end,
                    case
                        when after_.restated_until is distinct from before_.restated_until
                            then least(after_.restated_until, before_.restated_until)
                    end
                )
            else least(after_.usable_from, before_.usable_from)
        end as from_at
    from after_
    full outer join before_
        on
            after_.source_id = before_.source_id
            and after_.repo is not distinct from before_.repo
            and after_.label = before_.label
    where
        after_.label is null
        or before_.label is null
        or after_.usable_from is distinct from before_.usable_from
        or after_.usable_until is distinct from before_.usable_until
        or after_.restated_until is distinct from before_.restated_until
        or after_.recovery_point_at is distinct from before_.recovery_point_at

),

wanted as (

    select instance_id, date_trunc('day', {{ last_built() }}) as from_at
    from instances
    where retired_at is null or retired_at >= {{ last_built() }} - interval 1 day
    union all
    select instance_id, from_at from moved
    union all
    select instance_id, timestamp '0001-01-01' from news
    where is_reopened
    union all
    select instance_id, day::timestamp
    from ({{ changed_days(mark(), last_built()) }})
    union all
    select instance_id, timestamp '0001-01-01' from instances
    where ingest_seq > {{ mark() }}
    union all
    select instance_id, from_at from {{ this }}
    where {{ mark() }} > {{ oldest_mark(consumers) }}

),

first_wanted as (

    select instance_id, date_trunc('day', min(from_at)) as from_at from wanted
    group by instance_id

),

-- The grace of a new instance depends on its first point.
scoped as (

    select
        instance_id,
        case
            when first_wanted.from_at <= {{ grace_ends_at() }}
                then timestamp '0001-01-01'
            else first_wanted.from_at
        end as from_at
    from first_wanted
    inner join instances using (instance_id)

),

final as (

    select
        scoped.instance_id,
        scoped.from_at,
        max(intervals.started_at) as violated_since,
        {{ cbcr_now() }} as scoped_at
    from scoped
    left join intermediate.int_rpo_intervals as intervals
        on
            scoped.instance_id = intervals.instance_id
            and scoped.from_at > intervals.started_at
            and scoped.from_at <= intervals.ended_at
    group by all

)

{% else %}

final as (

    select
        instance_id,
        timestamp '0001-01-01' as from_at,
        null::timestamp as violated_since,
        {{ cbcr_now() }} as scoped_at
    from instances

)

{% endif %}

select * from final
