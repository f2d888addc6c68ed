-- A backup far larger or smaller than its own past lets expect: encryption, a purge, a wrong target.
{% call anomaly_rule(
    'size_anomaly', ['grown', 'shrunk', 'rewritten'], ['source_bytes', 'stored_bytes'], 'ratio'
) %}
                {{ odd_backup() }}
                || case odd.measure when 'stored_bytes' then ' stored ' else ' read ' end
                || format_bytes(odd.value::bigint)
                || case odd.kind
                    when 'rewritten' then ', as if most of the database was rewritten; usual are '
                    else printf(', %.2g times the expected ', odd.ratio)
                end
                || format_bytes(odd.expected::bigint) || {{ odd_in_a_row() }}
{% endcall %}
