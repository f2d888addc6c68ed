{#- The groups by which a fleet is looked at: (scope, member) of an instance. -#}
{% macro scopes_of(instances) -%}
    select
        instance_id,
        tier,
        unnest(['fleet', 'team', 'tier', 'environment', 'db_type']) as scope,
        unnest([
            'all',
            coalesce(team, 'none'),
            coalesce(tier::varchar, 'none'),
            coalesce(environment, 'none'),
            coalesce(db_type, 'none')
        ]) as member
    from {{ instances }}
{%- endmacro %}
