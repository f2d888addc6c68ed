{#- `said_from`: a column of a model that says RPO history anew (see int_rpo_scope). Only what this build said
    can have spoilt what was unique before, so that only that is looked at; a full refresh says all. -#}
{% test unique_combination(model, columns, said_from=none) %}
    select {{ columns | join(', ') }}, count(*) as times
    from {{ model }}
    {% if said_from -%}
        inner join (select instance_id, from_at from {{ ref('int_rpo_scope') }}) using (instance_id)
        where {{ said_from }} >= from_at
    {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}

{% test not_negative(model, column_name) %}
    select * from {{ model }} where {{ column_name }} < 0
{% endtest %}

{% test ordered(model, earlier, later) %}
    select * from {{ model }} where {{ earlier }} > {{ later }}
{% endtest %}
