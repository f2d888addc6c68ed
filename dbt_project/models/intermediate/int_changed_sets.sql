-- The backup sets that this build says anew (see int_set_news), with the span in which they can be used.
-- It reads what is kept as it was before this build, by name: a ref would be a cycle.
{{ config(materialized='table') }}

with anew as (

    select * from {{ ref('int_set_news') }}

),

to_judge as (

    select * from anew
    where is_judged

),

as_it_was as (

    select * from anew
    where not is_judged

),

spoilt as (

    select instance_id, backup_label from {{ ref('int_failed_labels') }}
    where not has_success

),

{% if continues('int_open_sets') %}

{{ known_sets('anew', 'was_closed') }},

contract_says as (

    {{ judged('backup_sets', ['source_id', 'repo', 'label'], mark('int_open_sets')) }}

),

-- What was not spoken of is as it was.
said as (

    select sets.*
    from {{ ref('stg_backup_sets') }} as sets
    semi join anew on {{ is_same_set('sets', 'anew') }}
    where sets.ingest_seq > {{ mark('int_open_sets') }}
    union all
    select sets.*
    from {{ ref('stg_backup_sets') }} as sets
    semi join contract_says
        on
            sets.source_id = contract_says.refused_source_id
            and sets.repo = contract_says.refused_repo
            and sets.label = contract_says.refused_label
    where sets.instance_id is not null and sets.ingest_seq <= {{ mark('int_open_sets') }}

),

facts as (

    {{ set_facts('said') }}
    union all by name
    select known.* exclude ({{ judgement_columns() }}, is_in_sight, was_closed)
    from known
    semi join to_judge on {{ is_same_set('known', 'to_judge') }}
    anti join said on {{ is_same_set('known', 'said') }}
    anti join contract_says
        on
            known.source_id = contract_says.refused_source_id
            and known.repo = contract_says.refused_repo
            and known.label = contract_says.refused_label

),

parents as (

    select known.*
    from known
    semi join facts on {{ is_same_set('known', 'facts', label='parent_label') }}
    anti join to_judge on {{ is_same_set('known', 'to_judge') }}

),

final as (

    select * from ({{ walk_chains('facts', 'spoilt', judged='parents') }}) as judged
    union all by name
    select known.* exclude (is_in_sight, was_closed)
    from known
    semi join as_it_was on {{ is_same_set('known', 'as_it_was') }}

)

{% else %}

facts as (

    {{ set_facts(ref('stg_backup_sets')) }}

),

final as (

    {{ walk_chains('facts', 'spoilt') }}

)

{% endif %}

select * from final
