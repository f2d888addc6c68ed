{#- What `int_open_sets` does around its insert: the sets that are said anew leave both tables before it, what
    has been over for long moves to int_closed_sets after it. Where all is said anew it goes there at
    once: most of history is over, and would be written twice. -#}
{% macro drop_changed_sets() -%}
    {%- if continues() and is_incremental() -%}
        delete from intermediate.int_closed_sets as said
        using (select * from intermediate.int_set_news where was_closed) as anew
        where {{ is_same_set('said', 'anew') }};
        delete from {{ this }} as said
        using intermediate.int_set_news as anew
        where {{ is_same_set('said', 'anew') }}
    {%- else -%}
        {%- if is_incremental() -%}
            delete from {{ this }};
        {%- endif %}
        create or replace temp table closing_chains as
        {{ closing_chains(ref('int_changed_sets')) }};
        create or replace table intermediate.int_closed_sets as
        select sets.*, false as is_in_sight
        from {{ ref('int_changed_sets') }} as sets
        semi join closing_chains as closing on {{ is_of_chain('sets', 'closing') }}
        order by {{ page_order('sets.usable_from') }}
    {%- endif -%}
{%- endmacro %}

{#- Of `sets` which are in sight. A set is hidden by one of its repository that is newer and can be used for at
    least as long: whatever happens by the clock alone, it will never be the newest that is left. Looks at
    archives may continue any set, so that all of theirs stay in sight. -#}
{% macro judged_sight(sets) -%}
    select
        sets.* exclude (is_in_sight),
        archived.instance_id is not null
        or coalesce(
            max(
                case
                    when
                        recovery_point_at <= {{ cbcr_now() }}
                        and usable_from <= {{ cbcr_now() }}
                        and coalesce(usable_until, timestamp '9999-01-01') > usable_from
                        then coalesce(usable_until, timestamp '9999-01-01')
                end
            ) over (
                partition by sets.instance_id, source_id, repo
                order by recovery_point_at desc, usable_until desc nulls first, label
                rows between unbounded preceding and 1 preceding
            ) < coalesce(usable_until, timestamp '9999-01-01'),
            true
        ) as is_in_sight
    from {{ sets }} as sets
    left join (
        select distinct instance_id from {{ ref('int_archive_stretches') }}
    ) as archived on sets.instance_id = archived.instance_id
{%- endmacro %}

{#- After the insert: who is in sight, where something changed. What is hidden stays so, unless one that is
    newer lost some of its span; of a new archive all sets come into sight. -#}
{% macro judge_sight() -%}
    {%- if continues() and is_incremental() -%}
        update {{ this }} as said set is_in_sight = judged.is_in_sight
        from (
            with changed as (

                select instance_id, source_id, repo, bool_or(is_worse) as is_worse
                from (
                    select
                        anew.instance_id,
                        anew.source_id,
                        anew.repo,
                        anew.was_known and (
                            sets.label is null
                            or sets.recovery_point_at <> anew.recovery_point_at
                            or sets.usable_from <> anew.usable_from
                            or coalesce(sets.usable_until, timestamp '9999-01-01')
                            < coalesce(anew.usable_until, timestamp '9999-01-01')
                        ) as is_worse
                    from intermediate.int_set_news as anew
                    left join {{ ref('int_changed_sets') }} as sets
                        on {{ is_same_set('anew', 'sets') }}
                )
                group by all

            ),

            looked_at as (

                select sets.instance_id, sets.source_id, sets.repo, sets.label, sets.is_in_sight,
                    sets.recovery_point_at, sets.usable_from, sets.usable_until
                from {{ this }} as sets
                inner join changed
                    on
                        sets.instance_id = changed.instance_id
                        and sets.source_id = changed.source_id
                        and sets.repo is not distinct from changed.repo
                where sets.is_in_sight or changed.is_worse

            )

            {{ judged_sight('looked_at') }}
        ) as judged
        where {{ is_same_set('said', 'judged') }} and said.is_in_sight <> judged.is_in_sight;
        update {{ this }} set is_in_sight = true
        where
            not is_in_sight
            and instance_id in (select instance_id from {{ ref('int_archive_stretches') }})
    {%- endif -%}
{%- endmacro %}

{#- The order in which history is kept: a month of an instance lies together, so that neither a page of one
    instance nor a look at some days of all of them reads everything. -#}
{% macro page_order(moment) -%}
    date_trunc('month', {{ moment }}), instance_id, {{ moment }}
{%- endmacro %}

{% macro chain_of(sets) -%}
    coalesce({{ sets }}.chain_root_label, {{ sets }}.label)
{%- endmacro %}

{% macro is_of_chain(sets, chains) -%}
    {{ sets }}.instance_id = {{ chains }}.instance_id
    and {{ sets }}.source_id = {{ chains }}.source_id
    and {{ sets }}.repo is not distinct from {{ chains }}.repo
    and {{ chain_of(sets) }} = {{ chains }}.chain
{%- endmacro %}

{#- The chains that are over for long. A chain goes as a whole: what is at hand can be walked from its root.
    The newest point that is left is kept, and the one that went last: they say since when there is none. -#}
{% macro closing_chains(sets) -%}
    with over_ as (

        select
            instance_id,
            max(recovery_point_at) filter (
                usable_from < coalesce(usable_until, timestamp '9999-01-01')
                and coalesce(usable_until, timestamp '9999-01-01') >= {{ cbcr_now() }} - {{ open_for() }}
            ) as alive_at,
            max(recovery_point_at) filter (usable_from < usable_until) as newest_at,
            max(usable_until) filter (usable_from < usable_until) as gone_last_at
        from {{ sets }}
        group by instance_id

    ),

    judged as (

        select
            sets.instance_id,
            sets.source_id,
            sets.repo,
            {{ chain_of('sets') }} as chain,
            coalesce(
                greatest(sets.usable_until, sets.finished_at) < {{ cbcr_now() }} - {{ open_for() }}
                and case
                    when sets.usable_until <= sets.usable_from then true
                    when over_.alive_at is not null then sets.recovery_point_at <= over_.alive_at
                    else
                        sets.recovery_point_at < over_.newest_at
                        and sets.usable_until < over_.gone_last_at
                end
                and sets.usable_until is not null,
                false
            ) as is_over
        from {{ sets }} as sets
        inner join over_ using (instance_id)

    )

    select instance_id, source_id, repo, chain from judged
    group by all
    having bool_and(is_over)
{%- endmacro %}

{% macro close_sets() -%}
    create or replace temp table closing_chains as
    {{ closing_chains(this) }};
    insert into intermediate.int_closed_sets by name
    select sets.*
    from {{ this }} as sets
    semi join closing_chains as closing on {{ is_of_chain('sets', 'closing') }}
    order by {{ page_order('sets.usable_from') }};
    delete from {{ this }} as sets
    using closing_chains as closing
    where {{ is_of_chain('sets', 'closing') }};
    drop table closing_chains
{%- endmacro %}
