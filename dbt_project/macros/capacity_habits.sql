{#- What the past of a volume says of its backups: rhythm, keeping, size, growth, and so the backups
    to come. docs/definitions.md tells each formula with an example. `origins` is a relation (volume, origin),
    origin being the last day that is known: live forecasts and back-tests are one query. -#}

{#- How far back the habits of an instance are looked for, and the longest gap between two of its backups. -#}
{% macro recent_days() -%}
    {{ return(119) }}
{%- endmacro %}

{#- A backup of which nothing came for so long is no longer taken. -#}
{% macro is_silent(last_day, gap, origin) -%}
    {{ origin }} - {{ last_day }} > greatest(3 * {{ gap }}, {{ gap }} + 7)
{%- endmacro %}

{#- Growth goes on as it is for a quarter, and from there by equal steps: no quantity of
    the world doubles every few months for a year. -#}
{% macro grown(rate, days) -%}
    exp({{ rate }} * least({{ days }}, 90)) * (1 + {{ rate }} * greatest(({{ days }}) - 90, 0))
{%- endmacro %}

{#- Growth of ln bytes a day over a window; where it is not there yet, over the next shorter one. -#}
{% macro rate_of(window) -%}
    greatest(least(coalesce(
        {%- for other in capacity_windows() | sort(reverse=true) if other <= window %}
        rise_{{ other }} / nullif(run_{{ other }}, 0),
        {%- endfor %}
        0
    ), 0.006), -0.004)
{%- endmacro %}

{#- CTEs about the past of (volume, origin): rhythm, keeping and size of each kind of backup. -#}
{% macro capacity_habits(origins) -%}
    origins_ as (

        select volume, origin from {{ origins }}

    ),

    -- As far back as the oldest origin looks, and to the slot before.
    slots_ as (

        select
            *,
            start_day - lag(start_day) over (
                partition by volume, instance_id, backup_type order by start_day
            ) as gap_days
        from {{ ref('int_capacity_slots') }}
        where
            start_day >= (select min(origin) from origins_) - {{ 2 * recent_days() }}
            and start_day <= (select max(origin) from origins_)

    ),

    recent_ as (

        select
            volume, origin, instance_id, backup_type, start_day, bytes, gap_days,
            coalesce(planned_day, case when gone_day <= origin then gone_day end) - start_day as life,
            row_number() over (
                partition by volume, origin, instance_id, backup_type order by start_day desc
            ) as nth
        from slots_
        inner join origins_ using (volume)
        where start_day between origin - {{ recent_days() }} and origin

    ),

    rhythms_ as (

        select
            volume, origin, instance_id, backup_type,
            count(*) as n,
            max(start_day) as last_day,
            min(start_day) as first_day,
            coalesce(median(gap_days) filter (gap_days <= {{ recent_days() }}), 7)::double as gap,
            median(life) filter (life > 0) as life
        from recent_
        group by all

    ),

    alive_keys_ as (

        select * from rhythms_
        where not {{ is_silent('last_day', 'gap', 'origin') }}

    ),

    -- How long sets of a kind are kept, each way with its share. The newest one is left out where
    -- there are others: as long as increments build on it, its end moves.
    counted_lives_ as (

        select volume, origin, instance_id, backup_type, recent_.life, count(*) as times
        from recent_
        inner join alive_keys_ using (volume, origin, instance_id, backup_type)
        where
            recent_.life > 0
            and nth between least(n, 2) and case when gap < 2 then 15 else 9 end
        group by all

    ),

    lives_ as (

        select
            * exclude (times),
            times / sum(times) over (partition by volume, origin, instance_id, backup_type) as share
        from counted_lives_

    ),

    -- Growth of an instance, of the sizes of its strongest backups, by the week. A week that the
    -- origin cuts is left out: it would know of what came after.
    weeks_ as (

        select
            volume, instance_id, backup_type,
            start_day // 7 as week,
            avg(start_day) as at_day,
            median(ln(bytes)) as ln_bytes
        from {{ ref('int_capacity_slots') }}
        where {{ strength('backup_type') }} = 3
        group by all

    ),

    ends_ as (

        select
            volume, origin, instance_id, backup_type,
            min(at_day) as first_day,
            count(*) as n,
            {% for window in capacity_windows() -%}
            {%- set edge = [window // 8, 14] | max -%}
            median(ln_bytes) filter (at_day > origin - {{ edge }})
                - median(ln_bytes) filter (
                    at_day > origin - {{ window }} and at_day <= origin - {{ window - edge }}
                ) as rise_{{ window }},
            avg(at_day) filter (at_day > origin - {{ edge }})
                - avg(at_day) filter (
                    at_day > origin - {{ window }} and at_day <= origin - {{ window - edge }}
                ) as run_{{ window }}
            {{- "," if not loop.last }}
            {% endfor %}
        from weeks_
        inner join origins_ using (volume)
        where at_day > origin - {{ capacity_windows() | max }} and week * 7 + 6 <= origin
        group by all

    ),

    growth_ as (

        select
            volume, origin, instance_id,
            {% for window in capacity_windows() -%}
            arg_max({{ rate_of(window) }}, n) as rate_{{ window }}
            {{- "," if not loop.last }}
            {% endfor %}
        from ends_
        group by all

    ),

    habits_ as (

        select
            keys.*,
            {% for window in capacity_windows() -%}
            coalesce(growth_.rate_{{ window }}, 0) as rate_{{ window }}
            {{- "," if not loop.last }}
            {% endfor %}
        from alive_keys_ as keys
        left join growth_ using (volume, origin, instance_id)

    )
{%- endmacro %}

{#- CTE `plans_`: when the backups of an instance and type come, how large, how long they are kept.
    `first_h` days after the origin, and then `every` so many days. Rests on `recent_`, `habits_`, `lives_`. -#}
{% macro capacity_plans() -%}
    {%- set windows = capacity_windows() -%}
    -- Seldom backups: the median of the last four, brought to one day.
    seldom_ as (

        select
            volume, origin, instance_id, backup_type,
            (greatest(last_day + gap, origin + 1) - origin)::double as first_h,
            gap as every,
            origin - last_day as age,
            {% for window in windows -%}
            any_value(rate_{{ window }}) as rate_{{ window }},
            median(bytes * exp(rate_{{ window }} * (last_day - start_day))) as bytes_{{ window }}
            {{- "," if not loop.last }}
            {% endfor %}
        from recent_
        inner join habits_ using (volume, origin, instance_id, backup_type)
        where gap >= 2 and nth <= 4
        group by all

    ),

    -- Frequent ones: by the day of the week, the mean of six weeks; a missed day counts as nothing.
    by_weekday_ as (

        select
            *,
            origin - start_day as days_ago,
            (origin - start_day) % 7 as weekday
        from recent_
        inner join habits_ using (volume, origin, instance_id, backup_type)
        where gap < 2 and start_day > origin - 42

    ),

    frequent_ as (

        select
            volume, origin, instance_id, backup_type,
            (7 - weekday)::double as first_h,
            7::double as every,
            0 as age,
            {% for window in windows -%}
            any_value(rate_{{ window }}) as rate_{{ window }},
            sum(bytes * exp(rate_{{ window }} * days_ago))
                / least(6, any_value((origin - first_day - weekday) // 7 + 1)) as bytes_{{ window }}
            {{- "," if not loop.last }}
            {% endfor %}
        from by_weekday_
        group by all

    ),

    kept_ as (

        select
            volume, origin, instance_id, backup_type,
            list({ 'days': life, 'share': share }) as lives
        from lives_
        group by all

    ),

    plans_ as (

        select * from (
            select * from seldom_
            union all
            select * from frequent_
        )
        left join kept_ using (volume, origin, instance_id, backup_type)

    )
{%- endmacro %}

{#- CTE `coming_`: what plans change (volume, origin, instance, h, bytes), `horizon` days; what is kept
    is kept `more_days` longer. Rests on `plans_`. -#}
{% macro capacity_coming(horizon, more_days='0') -%}
    {%- set windows = capacity_windows() -%}
    starting_ as (

        select
            volume, origin, instance_id, lives,
            h,
            (
                {%- for window in windows %}
                bytes_{{ window }} * {{ grown('rate_' ~ window, '(h + age)') }}
                {{- " +" if not loop.last }}
                {%- endfor %}
            ) / {{ windows | length }} as bytes
        from (
            select
                *,
                (first_h + unnest(range(0, ({{ horizon }} // every)::bigint + 1)) * every)::integer as h
            from plans_
        )
        where h <= {{ horizon }}

    ),

    ending_ as (

        select
            volume, origin, instance_id,
            h + greatest(life.days + {{ more_days }}, 1) as h,
            -bytes * life.share as bytes
        from (
            select *, unnest(lives) as life
            from starting_
        )

    ),

    coming_ as (

        select volume, origin, instance_id, h, bytes from starting_
        union all
        select volume, origin, instance_id, h::integer as h, bytes from ending_
        where h <= {{ horizon }}

    )
{%- endmacro %}
