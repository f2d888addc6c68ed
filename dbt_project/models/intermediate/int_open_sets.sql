-- Backup sets that can be used, or could be until some days ago, or that are the last ones of their
-- instance. What is older goes to int_closed_sets in the same transaction: history is then not read
-- again for every hour of news.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ drop_changed_sets() }}",
    post_hook=["{{ close_sets() }}", "{{ mark_built() }}"]
) }}

-- depends_on: {{ ref('int_rpo_scope') }}
with changed as (

    select changed.* from {{ ref('int_changed_sets') }} as changed
    {% if execute and not (is_incremental() and continues()) -%}
        anti join closing_chains as closing on {{ is_of_chain('changed', 'closing') }}
    {%- endif %}

),

-- Looks at archives may continue any set, so that all of theirs stay in sight.
archived as (

    select distinct instance_id from {{ ref('int_archive_stretches') }}

),

-- A set is hidden by one of its repository that is newer and can be used for at least as long: whatever
-- happens by the clock alone, it will never be the newest that is left.
ordered as (

    select
        changed.*,
        archived.instance_id is not null as has_archive,
        max(
            case
                when
                    recovery_point_at <= {{ cbcr_now() }}
                    and usable_from <= {{ cbcr_now() }}
                    and coalesce(usable_until, timestamp '9999-01-01') > usable_from
                    then coalesce(usable_until, timestamp '9999-01-01')
            end
        ) over (
            partition by changed.instance_id, source_id, repo
            order by recovery_point_at desc, usable_until desc nulls first, label
            rows between unbounded preceding and 1 preceding
        ) as hidden_until
    from changed
    left join archived on changed.instance_id = archived.instance_id

),

final as (

    select
        * exclude (has_archive, hidden_until),
        has_archive
        or coalesce(hidden_until < coalesce(usable_until, timestamp '9999-01-01'), true)
            as is_in_sight
    from ordered

)

select * from final
-- Who looks at what is in sight only finds it together.
order by is_in_sight desc, instance_id
