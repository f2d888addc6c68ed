-- How fast the error budget of backups is spent, by fleet, team and tier. A burn of 1 spends exactly
-- what the objective leaves; two windows must agree, so that it is neither old nor an accident.
with instances as (

    select *, coalesce(retired_at > {{ cbcr_now() }}, true) as is_active
    from {{ ref('stg_instances') }}
    -- A scope whose last instance retired says goodbye for a week.
    where retired_at is null or retired_at > {{ cbcr_now() }} - interval 7 day

),

ended as (

    select
        instance_id,
        coalesce(finished_at, lost_at, started_at, first_seen_at) as ended_at,
        state in ('failed', 'lost') as is_bad
    from {{ ref('int_attempts_recent') }}
    where
        instance_id is not null
        and {{ is_finished('state') }}
        and state <> 'cancelled'
    union all
    select instance_id, due_at as ended_at, true as is_bad
    from {{ ref('int_runs_recent') }}
    where outcome = 'missed'

),

{% set windows = (300, 1800, 3600, 21600, 259200) -%}

by_instance as (

    select
        instance_id,
        {% for window_s in windows -%}
            count(*) filter (age_s < {{ window_s }}) as all_{{ window_s }},
            count(*) filter (age_s < {{ window_s }} and is_bad) as bad_{{ window_s }},
            min(ended_at) filter (age_s < {{ window_s }} and is_bad) as first_bad_{{ window_s }}
            {{- "," if not loop.last }}
        {% endfor %}
    from (
        select *, {{ seconds_between('ended_at', cbcr_now()) }} as age_s
        from ended
        where ended_at <= {{ cbcr_now() }} and ended_at > {{ cbcr_now() }} - interval 3 day
    ) as young
    group by instance_id

),

scoped as (

    select
        unnest([
            { 'kind': 'fleet', 'id': 'fleet', 'team': null::varchar },
            { 'kind': 'team', 'id': 'team/' || instances.team, 'team': instances.team },
            { 'kind': 'tier', 'id': 'tier/' || instances.tier, 'team': null::varchar }
        ]) as scope,
        instances.is_active,
        by_instance.* exclude (instance_id)
    from instances
    left join by_instance
        on instances.instance_id = by_instance.instance_id and instances.is_active

),

counted as (

    select
        scope.kind as kind,
        scope.id as id,
        any_value(scope.team) as team,
        bool_or(is_active) as is_active,
        {% for window_s in windows -%}
            coalesce(sum(all_{{ window_s }}), 0)::bigint as all_{{ window_s }},
            coalesce(sum(bad_{{ window_s }}), 0)::bigint as bad_{{ window_s }},
            min(first_bad_{{ window_s }}) as first_bad_{{ window_s }}
            {{- "," if not loop.last }}
        {% endfor %}
    from scoped
    where scope.id is not null
    group by all

),

-- Long and short window with the burn that both must exceed. A short window in which hardly anything
-- ends is left out: the slow pair then rests on its long window.
burnt as (

    select
        counted.*,
        pairs.*,
        pairs.bad_long / nullif(pairs.all_long, 0) / (1 - {{ var('success_objective') }}) as burn_long,
        pairs.bad_short / nullif(pairs.all_short, 0) / (1 - {{ var('success_objective') }})
            as burn_short,
        counted.all_259200 * pairs.short_s / 259200.0 >= {{ var('burn_events_least') }}
            as is_told_short
    from counted
    cross join lateral (
        values
            (3600, 300, 14.4, all_3600, bad_3600, all_300, bad_300, first_bad_3600),
            (21600, 1800, 6.0, all_21600, bad_21600, all_1800, bad_1800, first_bad_21600),
            (259200, 21600, 1.0, all_259200, bad_259200, all_21600, bad_21600, first_bad_259200)
    ) as pairs (
        long_s, short_s, limit_, all_long, bad_long, all_short, bad_short, first_bad_at
    )

),

exceeded as (

    select
        *,
        coalesce(
            case
                when is_told_short then burn_long > limit_ and burn_short > limit_
                when long_s = 259200
                    then all_long >= {{ var('burn_events_least') }} and burn_long > limit_
            end,
            false
        ) as is_exceeded
    from burnt

),

worst as (

    select * from exceeded
    qualify row_number() over (partition by kind, id order by is_exceeded desc, limit_ desc) = 1

),

slow as (

    select kind, id, burn_long as burn_of_days
    from exceeded
    where long_s = 259200

),

judged as (

    select
        worst.kind as subject_kind,
        worst.id as subject_id,
        case
            when not worst.is_active then 'ok'
            when worst.all_259200 = 0 then 'unknown'
            when worst.is_exceeded then 'breached'
            else 'ok'
        end as status,
        case
            when not worst.is_active then 'info'
            when worst.is_exceeded and worst.limit_ > 1 then 'critical'
            when worst.is_exceeded or worst.all_259200 = 0 then 'warning'
            else 'info'
        end as severity,
        case when worst.is_exceeded then worst.burn_long else slow.burn_of_days end as value,
        case when worst.is_exceeded then worst.limit_ else 1 end as objective,
        'x budget' as unit,
        case when worst.is_exceeded then worst.first_bad_at end as since,
        -- Windows slide with every second; each evaluation looks, and there is one every 15 minutes.
        null as changes_at,
        worst.team,
        to_json({ 'scope': worst.id }) as labels,
        case
            when not worst.is_active then worst.id || ': all its instances are retired'
            when worst.all_259200 = 0
                then worst.id || ': no backup ended in three days, so nothing is known of its success'
            when worst.is_exceeded
                then worst.id || ': ' || worst.bad_long || ' of ' || worst.all_long
                    || ' backups failed, were lost or missed in '
                    || {{ human_seconds('worst.long_s') }} || '; that is '
                    || round(worst.burn_long, 1) || ' times what the objective of '
                    || '{{ (var("success_objective") | float * 100) | round(2) }} % allows'
            else worst.id || ': ' || worst.bad_259200 || ' of ' || worst.all_259200
                || ' backups failed, were lost or missed in three days'
        end as summary
    from worst
    inner join slow using (kind, id)

),

final as (

    select * from judged

)

select {{ sla_columns('final', 'success_budget_burn') }}
