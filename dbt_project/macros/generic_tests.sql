{% test unique_combination(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as times
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}

{% test not_negative(model, column_name) %}
    select * from {{ model }} where {{ column_name }} < 0
{% endtest %}

{% test ordered(model, earlier, later) %}
    select * from {{ model }} where {{ earlier }} > {{ later }}
{% endtest %}
