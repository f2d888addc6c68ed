{#- What `int_open_sets` does around its insert: the sets of the instances that are said anew leave both
    tables before it, what has been over for long moves to int_closed_sets after it. -#}
{% macro drop_changed_sets() -%}
    {%- if is_incremental() -%}
        {%- if continues() -%}
            delete from intermediate.int_closed_sets
            where instance_id in (select instance_id from intermediate.int_set_news where is_reopened);
            delete from {{ this }}
            where instance_id in (select instance_id from intermediate.int_set_news)
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- The newest point that is left is kept, and the one that went last: they say since when there is none. -#}
{% macro close_sets() -%}
    {%- if not continues() -%}
        create or replace table intermediate.int_closed_sets as from {{ this }} limit 0;
    {%- endif -%}
    create or replace temp table closing_sets as
    with over_ as (
        select
            instance_id,
            max(recovery_point_at) filter (
                usable_from < coalesce(usable_until, timestamp '9999-01-01')
                and coalesce(usable_until, timestamp '9999-01-01') >= {{ cbcr_now() }} - {{ open_for() }}
            ) as alive_at,
            max(recovery_point_at) filter (usable_from < usable_until) as newest_at,
            max(usable_until) filter (usable_from < usable_until) as gone_last_at
        from {{ this }}
        group by instance_id
    ), judged as (
        select
            sets.instance_id,
            sets.source_id,
            sets.repo,
            sets.label,
            coalesce(sets.chain_root_label, sets.label) as chain,
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
        from {{ this }} as sets
        inner join over_ using (instance_id)
    )
    -- A chain goes as a whole: what is at hand can be walked from its root.
    select source_id, repo, label from judged
    qualify bool_and(is_over) over (partition by instance_id, source_id, repo, chain);
    insert into intermediate.int_closed_sets
    select sets.* from {{ this }} as sets
    semi join closing_sets as closing
        on
            sets.source_id = closing.source_id and sets.repo is not distinct from closing.repo
            and sets.label = closing.label;
    delete from {{ this }} as sets
    using closing_sets as closing
    where
        sets.source_id = closing.source_id and sets.repo is not distinct from closing.repo
        and sets.label = closing.label;
    drop table closing_sets
{%- endmacro %}
