-- A backup that succeeded and holds next to nothing, or no longer says how much it holds.
{% call anomaly_rule(
    'empty_backup', ['empty', 'size_unknown'], ['source_bytes', 'stored_bytes'], 'ratio'
) %}
                {{ odd_backup() }} || ' succeeded, '
                || case
                    when odd.kind = 'size_unknown'
                        then 'but does not say how much it holds, as all before it did'
                    else 'but holds ' || format_bytes(odd.value::bigint) || coalesce(
                        '; ' || format_bytes(odd.expected::bigint) || ' were expected', ''
                    )
                end || {{ odd_in_a_row() }}
{% endcall %}
