-- When each volume is full, or why nobody can say: one row a volume, as of the last build.
{{ config(post_hook="{{ create_capacity_what_if() }}") }}

with volumes as (

    select * from {{ ref('int_capacity_volumes') }}

),

daily as (

    select * from {{ ref('fct_capacity_forecast_daily') }}

),

paths as (

    select
        volume,
        any_value(method) as method,
        any_value(n_days) as n_days,
        any_value(tracked_bytes / nullif(used_bytes, 0)) as tracked_share
    from {{ ref('int_capacity_paths') }}
    group by volume

),

walked as (

    select
        daily.volume,
        daily.horizon_day,
        daily.day,
        daily.mean_bytes,
        daily.p10_bytes,
        daily.p90_bytes,
        volumes.used_bytes,
        volumes.capacity_bytes
    from daily
    inner join volumes using (volume)

),

{{ capacity_dates('walked') }},

judged as (

    select
        volumes.*,
        paths.method,
        paths.tracked_share,
        dates_.full_at_p10,
        dates_.full_at_p50,
        dates_.full_at_p90,
        dates_.growth_bytes_day,
        case
            when volumes.capacity_bytes is null and volumes.last_sampled_at is not null
                then 'unknown_capacity'
            when volumes.used_bytes >= volumes.capacity_bytes then 'full'
            when {{ cbcr_now() }} > {{ storage_stale_at('volumes.last_good_at') }} or volumes.is_suspect
                then 'stale'
            when paths.method is null then 'insufficient_history'
            when
                dates_.full_at_p50 is not null
                or dates_.mean_in_a_year - volumes.used_bytes > 0.01 * volumes.capacity_bytes
                then 'filling'
            else 'not_filling'
        end as status
    from volumes
    left join paths using (volume)
    left join dates_ using (volume)

),

dated as (

    select
        * exclude (full_at_p10, full_at_p50, full_at_p90)
        {%- for name in ['p10', 'p50', 'p90'] %},
        case
            when status = 'full' then least(last_good_at, {{ cbcr_now() }})
            when status in ('filling', 'not_filling') then full_at_{{ name }}
        end as full_at_{{ name }}
        {%- endfor %}
    from judged

),

final as (

    select
        volume,
        status,
        case when status in ('filling', 'not_filling') then method end as method,
        {{ capacity_reason() }} as reason,
        used_bytes,
        size_bytes,
        capacity_bytes,
        used_bytes / nullif(capacity_bytes, 0) as used_share,
        case when status in ('filling', 'not_filling') then growth_bytes_day end as growth_bytes_day,
        {% for name in ['p10', 'p50', 'p90'] -%}
        full_at_{{ name }},
        case
            when full_at_{{ name }} is not null
                then greatest({{ seconds_between(cbcr_now(), 'full_at_' ~ name) }} / 86400, 0)
        end as days_to_full_{{ name }},
        {% endfor -%}
        n_days,
        tracked_share,
        n_instances,
        team,
        resized_on,
        size_before_bytes,
        suspect_days,
        last_sampled_at,
        last_good_at,
        {{ cbcr_now() }} as forecast_at
    from dated

)

select * from final
