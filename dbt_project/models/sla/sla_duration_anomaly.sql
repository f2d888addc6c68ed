-- A backup far slower than its own past lets expect, its size taken into account.
{% call anomaly_rule('duration_anomaly', ['slow'], ['duration_s'], 'ratio') %}
                {{ odd_backup() }} || ' took ' || {{ human_seconds('odd.value') }}
                || printf(', %.2g times the expected ', odd.ratio)
                || {{ human_seconds('odd.expected') }} || {{ odd_in_a_row() }}
{% endcall %}
