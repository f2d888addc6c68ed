{#- From habits to the path of a volume's fill: known expiries, backups to come, what no catalog
    knows; or the drift of its peaks. docs/definitions.md tells each formula with an example. -#}

{#- CTE `levels_`: what the samples of a volume say by an origin. -#}
{% macro capacity_levels() -%}
    past_ as (

        select
            days.volume,
            origins_.origin,
            origins_.origin - days.day_number as back,
            days.used_bytes,
            days.used_bytes - tracked.tracked_bytes as untracked_bytes,
            days.is_measured
        from {{ ref('int_capacity_days') }} as days
        inner join origins_ using (volume)
        left join {{ ref('int_capacity_tracked') }} as tracked using (volume, day_number)
        where days.day_number between origins_.origin - 729 and origins_.origin

    ),

    weekly_ as (

        select
            *,
            untracked_bytes
            - lag(untracked_bytes, 7) over (partition by volume, origin order by back desc)
                as untracked_rise
        from past_

    ),

    levels_ as (

        select
            volume,
            origin,
            count(*) filter (is_measured) as n_days,
            arg_min(used_bytes, back) as used_bytes,
            max(used_bytes) filter (back < 7) as peak,
            (list_reverse_sort(list(used_bytes) filter (back < 7)))[2] as second_peak,
            max(used_bytes) filter (back between 7 and 62) as peak_before,
            min(used_bytes) filter (back between 7 and 62) as least_before,
            avg(used_bytes) filter (back < 7) as level,
            {% for window in drift_windows() -%}
            avg(used_bytes) filter (back between {{ window }} and {{ window + 6 }})
                as level_{{ window }},
            {% endfor -%}
            regr_slope(used_bytes, -back) filter (back < 91) as line,
            count(untracked_rise) filter (back < 182) as n_rises,
            median(untracked_rise) filter (back < 182) / 7 as untracked_growth
        from weekly_
        group by all

    ),

    drifts_ as (

        select
            *,
            {{ drift_share() }} * coalesce(
                {%- for window in drift_windows() %}
                (level - level_{{ window }}) / {{ window }},
                {%- endfor %}
                line
            ) as drift,
            -- One day that stands out by more than eight weeks did is no level.
            case
                when peak - greatest(second_peak, peak_before) > peak_before - least_before
                    then greatest(second_peak, peak_before)
                else peak
            end as drift_from
        from levels_

    )
{%- endmacro %}

{#- CTEs `tracked_` (bytes that the catalog knows, by origin) and `expiring_` (what of them goes when). -#}
{% macro capacity_expiring() -%}
    alive_ as (

        select
            volume, origin,
            sets.bytes,
            -- The end of the newest one still moves: it stays at least as long as those before it.
            case
                when sets.start_day = rhythms_.last_day
                    then greatest(sets.planned_day, sets.start_day + rhythms_.life)
                else coalesce(sets.planned_day, sets.start_day + rhythms_.life)
            end as end_day
        from {{ ref('int_capacity_sets') }} as sets
        inner join origins_ using (volume)
        left join rhythms_ using (volume, origin, instance_id, backup_type)
        where
            sets.start_day <= origin
            and coalesce(sets.gone_day > origin, true)
            and coalesce(sets.planned_day > origin, true)

    ),

    tracked_ as (

        select
            volume, origin,
            sum(bytes)::double as tracked_bytes,
            any_value(since_.tracked_since) as tracked_since,
            count(*) as n_sets
        from alive_
        left join (
            select volume, origin, min(first_day) as tracked_since
            from rhythms_
            group by all
        ) as since_ using (volume, origin)
        group by all

    ),

    expiring_ as (

        select
            volume, origin,
            greatest(end_day - origin, 1)::integer as h,
            -sum(bytes)::double as bytes
        from alive_
        where end_day is not null
        group by all

    )
{%- endmacro %}

{#- The whole query: the path of each volume of `origins`, `horizon` days, with its method. Live forecasts
    say which relations hold the plans and the expiries; back-tests make their own. -#}
{% macro capacity_paths(origins, horizon, plans=none, expiring=none) -%}
    with {% if plans -%}
    origins_ as (

        select volume, origin from {{ origins }}

    ),

    plans_ as (

        select * from {{ plans }}

    ),

    expiring_ as (

        select volume, origin, h, bytes from {{ expiring }}

    ),

    tracked_ as (

        select
            volume, origin,
            any_value(tracked_bytes) as tracked_bytes,
            any_value(tracked_since) as tracked_since
        from {{ expiring }}
        group by all

    ),
    {% else -%}
    {{ capacity_habits(origins) }},

    {{ capacity_plans() }},

    {{ capacity_expiring() }},
    {% endif %}
    {{ capacity_coming(horizon) }},

    {{ capacity_levels() }},

    changes_ as (

        select volume, origin, h, sum(bytes) as bytes
        from (
            select volume, origin, h, bytes from expiring_
            where h <= {{ horizon }}
            union all
            select volume, origin, h, bytes from coming_
        )
        group by all

    ),

    methods_ as (

        select
            *,
            case
                when
                    tracked_bytes between {{ least_tracked() }} * used_bytes
                        and {{ most_tracked() }} * used_bytes
                    and tracked_since <= origin - {{ least_days() }}
                    then 'structural'
                when n_days < {{ least_days() }} then 'none'
                when level_{{ drift_windows() | min }} is not null then 'drift'
                else 'line'
            end as method
        from drifts_
        left join tracked_ using (volume, origin)

    ),

    horizons_ as (

        select volume, origin, unnest(range(1, {{ horizon }} + 1))::integer as h
        from methods_
        where method <> 'none'

    ),

    added_ as (

        select
            volume, origin, h,
            sum(coalesce(changes_.bytes, 0)) over (
                partition by volume, origin order by h
            ) as change_bytes
        from horizons_
        left join changes_ using (volume, origin, h)

    )

    select
        volume,
        origin,
        h,
        method,
        n_days,
        used_bytes,
        tracked_bytes,
        greatest(
            case
                when method = 'structural'
                    then used_bytes + change_bytes
                        + h * case when n_rises >= 28 then untracked_growth else 0 end
                else drift_from + drift * (h - 3)
            end,
            0
        ) as mean_bytes
    from added_
    inner join methods_ using (volume, origin)
{%- endmacro %}
