{#- Words and limits of capacity that several models use. -#}

{#- A volume of which nothing was heard for more days than these has no forecast. -#}
{% macro storage_stale_days() -%} 2 {%- endmacro %}

{#- A silent volume that no instance of the inventory uses is forgotten after so many days. -#}
{% macro volume_forgotten_days() -%}
    {{ return(30) }}
{%- endmacro %}

{#- The days of history that a forecast looks at, and those before them for its back-tests. -#}
{% macro capacity_days_kept() -%} 760 {%- endmacro %}

{#- The windows over which growth is looked at, days. -#}
{% macro capacity_windows() -%}
    {{ return([91, 182, 364]) }}
{%- endmacro %}

{#- A capacity about a thousand times smaller or larger than the usual one of its volume: kibibytes or
    kilobytes were taken for bytes, or the other way round. No volume is replaced by such another. -#}
{% macro is_other_unit(size, usual) -%}
    coalesce(
        greatest({{ size }} / nullif({{ usual }}, 0), {{ usual }} / nullif({{ size }}, 0))
            between 900 and 1100,
        false
    )
{%- endmacro %}

{#- What a forecast needs, days of samples or of catalog. -#}
{% macro least_days() -%} 14 {%- endmacro %}

{#- The catalog explains a volume when its sets make up this share of what is used. -#}
{% macro least_tracked() -%} 0.5 {%- endmacro %}
{% macro most_tracked() -%} 1.1 {%- endmacro %}

{#- Drift is measured from the mean of a week to that of another so many days before. -#}
{% macro drift_windows() -%}
    {{ return([357, 175, 84]) }}
{%- endmacro %}

{#- How much of a past drift goes on: growth falls back to what is usual. -#}
{% macro drift_share() -%} 0.9 {%- endmacro %}

{#- Back-tests: from days whose number is a multiple of these, over the past so many days, for volumes
    that had so many days of history then, at these horizons. -#}
{% macro backtest_every() -%} 30 {%- endmacro %}
{% macro backtest_days() -%} 270 {%- endmacro %}
{% macro backtest_least_days() -%} 90 {%- endmacro %}
{% macro backtest_horizons() -%}
    {{ return([1, 7, 14, 30, 60, 90, 120, 180]) }}
{%- endmacro %}

{#- The moment from which on a volume is stale. -#}
{% macro storage_stale_at(last_good_at) -%}
    ({{ last_good_at }} + interval {{ storage_stale_days() }} day)
{%- endmacro %}

{#- When a day's rise from one value to another reaches a limit, straight between both. -#}
{% macro reached_at(day, before, after, limit) -%}
    {{ plus_seconds(
        day ~ '::timestamp',
        '86400 * case when ' ~ after ~ ' > ' ~ before ~ ' then greatest(least((' ~ limit ~ ' - ' ~ before
        ~ ') / (' ~ after ~ ' - ' ~ before ~ '), 1), 0) else 0 end'
    ) }}
{%- endmacro %}

{#- 1536000000000 -> 1.54 TB: decimal units, as makers of disks count. -#}
{% macro human_bytes(bytes) -%}
    case
        when abs({{ bytes }}) >= 1e15 then printf('%.2f PB', ({{ bytes }}) / 1e15)
        when abs({{ bytes }}) >= 1e12 then printf('%.2f TB', ({{ bytes }}) / 1e12)
        when abs({{ bytes }}) >= 1e9 then printf('%.1f GB', ({{ bytes }}) / 1e9)
        else printf('%.1f MB', ({{ bytes }}) / 1e6)
    end
{%- endmacro %}

{#- One sentence: why this status, from which method. -#}
{% macro capacity_reason() -%}
    case
        when status = 'unknown_capacity'
            then 'no sample says how large it is'
        when status = 'full'
            then {{ human_bytes('used_bytes') }} || ' of ' || {{ human_bytes('capacity_bytes') }} || ' used: nothing more can be written'
        when last_sampled_at is null
            then 'the inventory names it, but it was never sampled'
        when status = 'stale' and is_suspect
            then 'its newest samples are in another unit than before (a factor of about a thousand)'
        when status = 'stale'
            then 'the newest sample is of ' || {{ utc_text('last_good_at') }}
        when status = 'insufficient_history'
            then 'sampled on ' || n_days || ' days, {{ least_days() }} are needed'
        else
            case method
                when 'structural'
                    then 'from the catalog: known expiries, ' || printf('%.0f%%', 100 * tracked_share)
                        || ' of what is used, and the backups to come'
                when 'drift' then 'drift of its weekly peaks: no catalog explains it'
                else 'a line through ' || n_days || ' days, little confidence'
            end
            || case
                when full_at_p50 is null and full_at_p10 is null
                    then '; not within a year, even with one chance in ten'
                when full_at_p50 is null
                    then '; within a year only with one chance in ten'
                else ''
            end
            || coalesce(
                case
                    when resized_on > {{ cbcr_now() }}::date - 90
                        then '; resized on ' || resized_on || ' from ' || {{ human_bytes('size_before_bytes') }}
                end,
                ''
            )
    end
{%- endmacro %}
