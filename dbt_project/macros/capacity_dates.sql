{#- From paths to dates; and the question "what if", which a published warehouse answers by itself. -#}

{#- CTEs `steps_` and `dates_`: when each volume reaches its capacity: by its mean, and by the fill that
    it exceeds with one chance in ten and in nine.
    `paths` has volume, horizon_day, day, mean_bytes, p10_bytes, p90_bytes, used_bytes, capacity_bytes. -#}
{% macro capacity_dates(paths) -%}
    steps_ as (

        -- The band begins at what is used today and opens from there.
        select
            *,
            lag(mean_bytes, 1, used_bytes) over ahead as mean_before,
            lag(p10_bytes, 1, used_bytes) over ahead as p10_before,
            lag(p90_bytes, 1, used_bytes) over ahead as p90_before
        from {{ paths }}
        window ahead as (partition by volume order by horizon_day)

    ),

    dates_ as (

        select
            volume,
            {% for name, edge in {'p10': 'p90', 'p50': 'mean', 'p90': 'p10'}.items() -%}
            arg_min(
                {{ reached_at('day', edge ~ '_before', edge ~ '_bytes', 'capacity_bytes') }},
                horizon_day
            ) filter ({{ edge }}_bytes >= capacity_bytes) as full_at_{{ name }},
            {% endfor -%}
            -- from the middle of three weeks, after the first, to that of four: 58.5 days
            (
                avg(mean_bytes) filter (horizon_day between 63 and 90)
                - avg(mean_bytes) filter (horizon_day between 8 and 28)
            ) / 58.5 as growth_bytes_day,
            arg_max(mean_bytes, horizon_day) as mean_in_a_year
        from steps_
        group by volume

    )
{%- endmacro %}

{#- The macro that the published warehouse brings along, so that the question can be asked where no dbt is:
    live.capacity_what_if(volume, more_days, growth, like_instance, times, more_bytes), one row a volume.
    It is made of the same pieces as the forecast; nothing asked is the forecast itself. -#}
{% macro create_capacity_what_if() -%}
    create schema if not exists live;
    create or replace macro live.capacity_what_if(
        asked_volume, more_days, growth_share, like_instance, times_, more_bytes
    ) as table (
        with forecasts_ as (

            select * from {{ this.include(database=false) }}
            where asked_volume is null or volume = asked_volume

        ),

        origins_ as (

            select volume, origin from {{ ref('int_capacity_origins') }}
            inner join forecasts_ using (volume)

        ),

        plans_ as (

            select * from {{ ref('int_capacity_plans') }}

        ),

        {{ capacity_coming(365, 'more_days') }},

        -- what was planned before anything was asked
        unchanged_ as (

            select volume, h, bytes from starting_
            union all
            select volume, h + life.days as h, -bytes * life.share as bytes
            from (select *, unnest(lives) as life from starting_)

        ),

        as_planned_ as (

            select volume, h, bytes from {{ ref('int_capacity_expiring') }}
            union all
            select volume, h, bytes from unchanged_

        ),

        -- new databases begin with nothing, and are backed up and kept like the one that is named
        onboarded_ as (

            select any_value(forecasts_.volume) as volume, coming_.h, sum(coming_.bytes) * times_ as bytes
            from coming_
            inner join forecasts_
                on forecasts_.volume = coalesce(asked_volume, coming_.volume)
            where coming_.instance_id = like_instance
            group by coming_.h

        ),

        deltas_ as (

            select volume, h::integer as h, sum(bytes) as bytes
            from (
                select volume, h, bytes from coming_
                union all
                select volume, greatest(h + more_days, 1) as h, bytes from {{ ref('int_capacity_expiring') }}
                union all
                select volume, h, -bytes as bytes from as_planned_
                union all
                select volume, h, bytes from onboarded_
            )
            where h <= 365
            group by all

        ),

        changed_ as (

            select
                daily.volume,
                daily.horizon_day,
                daily.day,
                daily.mean_bytes,
                daily.p10_bytes,
                daily.p90_bytes,
                coalesce(sum(deltas_.bytes) over (
                    partition by daily.volume order by daily.horizon_day
                ), 0)
                + coalesce(growth_share * forecasts_.growth_bytes_day * daily.horizon_day, 0)
                    as delta_bytes,
                forecasts_.used_bytes,
                forecasts_.capacity_bytes + more_bytes as capacity_bytes
            from {{ ref('fct_capacity_forecast_daily') }} as daily
            inner join forecasts_ using (volume)
            left join deltas_
                on daily.volume = deltas_.volume and daily.horizon_day = deltas_.h

        ),

        asked_ as (

            select
                * replace (
                    greatest(mean_bytes + delta_bytes, 0) as mean_bytes,
                    greatest(p10_bytes + delta_bytes, 0) as p10_bytes,
                    greatest(p90_bytes + delta_bytes, 0) as p90_bytes
                )
            from changed_

        ),

        {{ capacity_dates('asked_') }}

        select
            forecasts_.volume,
            forecasts_.status as status_now,
            forecasts_.method,
            case
                when forecasts_.status not in ('full', 'filling', 'not_filling') then forecasts_.status
                when used_bytes >= capacity_bytes + more_bytes then 'full'
                when
                    dates_.full_at_p50 is not null
                    or dates_.mean_in_a_year - used_bytes > 0.01 * (capacity_bytes + more_bytes)
                    then 'filling'
                when dates_.volume is null then 'insufficient_history'
                else 'not_filling'
            end as status,
            used_bytes,
            capacity_bytes + more_bytes as capacity_bytes,
            forecasts_.growth_bytes_day as growth_bytes_day_now,
            dates_.growth_bytes_day,
            dates_.mean_in_a_year as used_in_a_year_bytes
            {%- for name in ['p10', 'p50', 'p90'] %},
            forecasts_.full_at_{{ name }} as full_at_{{ name }}_now,
            case
                when forecasts_.status in ('filling', 'not_filling', 'full')
                    and used_bytes < capacity_bytes + more_bytes
                    then dates_.full_at_{{ name }}
                else forecasts_.full_at_{{ name }}
            end as full_at_{{ name }}
            {%- endfor %}
        from forecasts_
        left join dates_ using (volume)
    )
{%- endmacro %}
