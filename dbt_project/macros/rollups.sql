{#- Rollups: the samples of a raw table brought together by hour or by day.

    A row carries the greatest ingest sequence of its samples, so the mart's own maximum is the mark up
    to which it has read. A row is whole while raw still holds its first sample, its last, and as many from
    the one to the other as it counts. Only whole rows are made anew: a row that retention has taken samples
    from stays as it is, whatever arrives late for it, and also through a full refresh. -#}

{% macro bucket_of(unit, sampled_at='sampled_at') -%}
    {%- if unit == 'hour' -%}
        date_trunc('hour', {{ sampled_at }})
    {%- else -%}
        {{ sampled_at }}::date
    {%- endif -%}
{%- endmacro %}

{#- The whole query of a rollup; the caller's body is the list of measures. -#}
{% macro rollup(table, thing, unit) -%}
    {%- set raw = source('raw', table) -%}
    {%- set staged = ref('stg_' ~ table) -%}
    {%- set judged_keys = judged(table, ['source_id', thing, 'sampled_at'], 0) -%}
    {%- set key = 'source_id, ' ~ thing ~ ', ' ~ unit -%}
    {%- set goes_on = is_incremental() -%}
    {%- set has_rows = execute and load_relation(this) is not none -%}
with samples as (

    select *, {{ bucket_of(unit) }} as {{ unit }} from {{ staged }}

),

{% if goes_on %}
touched as (

    {{ touched_buckets(table, thing, unit) }}

),
{% endif %}

{% if has_rows %}
kept as (

    {{ broken_rows(raw, thing, unit, 'touched' if goes_on) }}

),
{% endif %}

chosen as (

    select * from samples
    {% if goes_on %}
        semi join touched using ({{ key }})
    {% endif %}
    {% if has_rows %}
        anti join kept using ({{ key }})
    {% endif %}
    {% if goes_on %}
        -- said once more as a range, so that blocks of other days are not read
        where sampled_at >= (select min({{ unit }}) from touched)
    {% endif %}

),

rolled as (

    select
        source_id,
        {{ thing }},
        {{ unit }},
        {{ caller() }},
        count(*) as samples,
        min(sampled_at) as first_sampled_at,
        max(sampled_at) as last_sampled_at,
        max(ingest_seq) as ingest_seq
    from chosen
    group by all

),

{% if has_rows and not goes_on %}
carried as (

    -- by name: an older version of this table may lack columns, or have others
    select * from rolled
    union all by name
    select * from kept

),

final as (

    select {{ model.columns.keys() | join(', ') }} from carried

)
{% else %}
final as (

    select * from rolled

)
{% endif %}

select * from final
{%- endmacro %}

{#- The buckets that a rollup must look at again: new samples, and what the contract judged since. -#}
{% macro touched_buckets(table, thing, unit) -%}
    {%- set mark -%} (select coalesce(max(ingest_seq), 0) from {{ this.include(database=false) }}) {%- endset -%}
    select source_id, {{ thing }}, {{ bucket_of(unit) }} as {{ unit }}
    from {{ source('raw', table) }}
    where ingest_seq > {{ mark }}
    union
    {{ judged_buckets(table, thing, unit, mark) }}
{%- endmacro %}

{% macro judged_buckets(table, thing, unit, mark) -%}
    select
        refused_source_id as source_id,
        refused_{{ thing }} as {{ thing }},
        {{ bucket_of(unit, 'try_cast(refused_sampled_at as timestamp)') }} as {{ unit }}
    from ({{ judged(table, ['source_id', thing, 'sampled_at'], mark) }})
    where try_cast(refused_sampled_at as timestamp) is not null
{%- endmacro %}

{#- The stored rows of which samples are gone; `among` names the buckets to look at, none: all. -#}
{% macro broken_rows(raw, thing, unit, among=none) -%}
    {%- set key = 'source_id, ' ~ thing ~ ', ' ~ unit -%}
    {%- set stored = this.include(database=false) -%}
    select stored.*
    from {{ stored }} as stored
    {% if among %}
        semi join {{ among }} using ({{ key }})
    {% endif %}
    anti join (
        select {{ key }}
        from {{ stored }} as made
        {% if among %}
            semi join {{ among }} using ({{ key }})
        {% endif %}
        inner join (
            -- with what the contract refuses: it was taken out of the rollup, not out of raw
            select source_id, {{ thing }}, {{ bucket_of(unit) }} as {{ unit }}, sampled_at as held_at
            from {{ raw }}
            {% if among %}
                where sampled_at >= (select min({{ unit }}) from {{ among }})
            {% endif %}
        ) as held using ({{ key }})
        where held.held_at between made.first_sampled_at and made.last_sampled_at
        group by {{ key }}
        having
            count(*) >= any_value(made.samples)
            and min(held.held_at) = any_value(made.first_sampled_at)
            and max(held.held_at) = any_value(made.last_sampled_at)
    ) as whole_ using ({{ key }})
{%- endmacro %}

{#- Whole rows whose samples the contract has judged since: they are made anew, or nothing is left. -#}
{% macro drop_judged(table, thing, unit) -%}
    {%- if is_incremental() -%}
        {%- set stored = this.include(database=false) -%}
        {%- set mark -%} (select coalesce(max(ingest_seq), 0) from {{ stored }}) {%- endset -%}
        {%- set key = 'source_id, ' ~ thing ~ ', ' ~ unit -%}
        delete from {{ stored }}
        where
            ({{ key }}) in (
                with judged as ({{ judged_buckets(table, thing, unit, mark) }}),

                kept as ({{ broken_rows(source('raw', table), thing, unit, 'judged') }})

                select ({{ key }}) from judged
                anti join kept using ({{ key }})
            )
    {%- endif -%}
{%- endmacro %}

{#- A mean that does not depend on the order of its rows: sums of doubles do, sums of integers do not.
    `digits` behind the point are kept; what is no finite number is left out. -#}
{% macro exact_mean(value, digits=9) -%}
    avg(try_cast(round({{ value }} * 1e{{ digits }}) as bigint)) / 1e{{ digits }}
{%- endmacro %}

{#- The share of a bucket's quarter hours in which there is a sample. -#}
{% macro coverage(unit) -%}
    {%- set quarters = 4 if unit == 'hour' else 96 -%}
    bit_count(bit_or(
        1::hugeint << (epoch_us(sampled_at) // 900000000 % {{ quarters }})::integer
    )) / {{ quarters }}.0
{%- endmacro %}
