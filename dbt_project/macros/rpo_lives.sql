{#- The life of each instance that was promised an objective, from `protect_from` on.
    A new instance has one objective of grace, or until its first usable point. -#}
{% macro rpo_lives(points, until='usable_until') -%}
    with firsts as (

        select instance_id, min(usable_from) as usable_from from {{ points }}
        where was_ever_usable and coalesce({{ until }} > usable_from, true)
        group by instance_id

    )

    select
        instances.instance_id,
        instances.rpo_s,
        instances.exclusions,
        instances.protect_from,
        instances.protect_from as starts_at,
        least(coalesce(instances.retired_at, {{ cbcr_now() }}), {{ cbcr_now() }}) as ends_at,
        least(
            {{ grace_ends_at() }}, firsts.usable_from
        ) as grace_until
    from {{ ref('stg_instances') }} as instances
    left join firsts using (instance_id)
    where instances.protect_from < {{ cbcr_now() }} and instances.rpo_s is not null
{%- endmacro %}

{#- A new instance has one objective of grace. -#}
{% macro grace_ends_at() -%}
    {{ plus_seconds('instances.protect_from', 'instances.rpo_s') }}
{%- endmacro %}

{#- The table function beside int_rpo_steps and int_rpo_restated_steps: in a view over all instances no
    filter would reach the tables, for what is used twice is written out first. -#}
{% macro create_steps_of(until='usable_until') -%}
    create or replace macro {{ this.schema }}.{{ this.name }}_of(wanted_instance) as table
    with sets as (

        select * from {{ ref('int_open_sets') }} where instance_id = wanted_instance
        union all by name
        select * from intermediate.int_closed_sets where instance_id = wanted_instance

    ),

    stretches as (

        select * from {{ ref('int_archive_stretches') }} where instance_id = wanted_instance

    ),

    points as (

        select * from ({{ recovery_points('sets', 'stretches') }})
        where was_ever_usable

    ),

    lives as (

        select * from ({{ rpo_lives('points', until) }})
        where instance_id = wanted_instance

    )

    select * from ({{ rpo_steps('points', 'lives', until) }})
{%- endmacro %}
