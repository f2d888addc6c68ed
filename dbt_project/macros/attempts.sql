{#- What an attempt is, whatever relation its rows come from: all of history, or what is still open.
    Each macro gives the text of common table expressions, so that a model says which rows it means. -#}

{#- The columns of raw.backup_jobs that models use; last_seen_at changes without being news. -#}
{% macro attempt_columns(prefix='') -%}
    {%- set names = [
        'source_id', 'attempt_key', 'native_instance', 'instance_id', 'tool', 'repo', 'backup_type',
        'state', 'scheduled_at', 'started_at', 'finished_at', 'duration_s', 'exit_code', 'error_code',
        'error_class', 'error_text', 'backup_label', 'source_bytes', 'transferred_bytes', 'worker',
        'first_seen_at', 'ingest_seq'
    ] -%}
    {%- for name in names %}
        {{ prefix }}{{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Whose attempt it is: an instance, or the name that a source uses while nobody mapped it. -#}
{% macro kept_for(prefix='') -%}
    coalesce(
        {{ prefix }}instance_id,
        {{ prefix }}source_id || '/' || coalesce({{ prefix }}native_instance, '')
    )
{%- endmacro %}

{% macro begun_at(prefix='') -%}
    coalesce({{ prefix }}started_at, {{ prefix }}scheduled_at, {{ prefix }}first_seen_at)
{%- endmacro %}

{% macro attempt_seconds() -%}
    coalesce(duration_s, {{ seconds_between('started_at', 'finished_at') }})
{%- endmacro %}

{#- No attempt is waited for longer than this, however slow its kind is. -#}
{% macro lost_after_most_s() -%} 2592000 {%- endmacro %}

{#- The end and duration of a success as one number, so that the newest are found in one pass and
    equal ends give the same answer in any order: microseconds since 1970, then of the duration. -#}
{% macro end_and_duration() -%}
    epoch_us(finished_at)::hugeint * 4611686018427387904
    + round(({{ attempt_seconds() }}) * 1000000)::hugeint
{%- endmacro %}

{#- Successes that say how long a kind takes: the newest twenty that ended by now. -#}
{% macro tells_duration() -%}
    {{ is_success('state') }} and finished_at <= {{ cbcr_now() }} and {{ attempt_seconds() }} >= 0
{%- endmacro %}

{#- CTE `judged`: rows of CTE `attempts` that have begun, with the state that the clock gives them.
    CTE `successes` holds at least the newest twenty successes of each kind that has not ended. -#}
{% macro judged_attempts(attempts='attempts', successes='attempts') -%}
    begun as not materialized (

        select * from {{ attempts }}
        where {{ begun_at() }} <= {{ cbcr_now() }}

    ),

    not_ended as (

        select distinct native_instance, source_id, backup_type
        from begun
        where not {{ is_finished('state') }} or finished_at > {{ cbcr_now() }}

    ),

    usual as (

        select
            native_instance,
            source_id,
            backup_type,
            list_aggregate(
                list_transform(
                    max({{ end_and_duration() }}, 20),
                    lambda n: (n % 4611686018427387904)::bigint / 1000000.0
                ),
                'quantile_cont',
                0.95
            ) as p95_s
        from {{ successes }}
        semi join not_ended using (native_instance, source_id, backup_type)
        where {{ tells_duration() }}
        group by all

    ),

    timed as (

        select
            begun.*,
            case
                when begun.finished_at > {{ cbcr_now() }} then 'running' else begun.state
            end as state_then,
            {{ plus_seconds(
                'coalesce(begun.started_at, begun.first_seen_at)',
                'least(greatest(3 * coalesce(usual.p95_s, 0), coalesce(instances.grace_s, 3600), 3600), '
                ~ lost_after_most_s() ~ ')'
            ) }} as lost_at
        from begun
        left join usual using (native_instance, source_id, backup_type)
        left join {{ ref('stg_instances') }} as instances on begun.instance_id = instances.instance_id

    ),

    judged as (

        select
            * exclude (state, state_then, lost_at),
            case
                when state_then in ('queued', 'running') and lost_at <= {{ cbcr_now() }} then 'lost'
                else state_then
            end as state,
            case when state_then in ('queued', 'running') then lost_at end as lost_at
        from timed

    )
{%- endmacro %}

{#- For how many days a scheduled run can be the newest of its kind: a month of it where the schedule
    names days of a month, a year where it names months. -#}
{% macro days_between_runs(full='full_schedule', incr='incr_schedule') -%}
    case
        when regexp_matches(
            coalesce({{ full }}, '') || '|' || coalesce({{ incr }}, ''),
            '@|(^|\|)\s*\S+\s+\S+\s+\S+\s+[^*|\s]'
        ) then 400
        when regexp_matches(
            coalesce({{ full }}, '') || '|' || coalesce({{ incr }}, ''),
            '(^|\|)\s*\S+\s+\S+\s+[^*|\s]'
        ) then 70
        else 10
    end
{%- endmacro %}

{#- CTEs up to `open_failures` of CTE `attempts` (with ended_at and strength). Open is what no backup as
    strong that began later has made good; of that, failed or lost is a failure, and what has not
    ended may become one. -#}
{% macro open_failures() -%}
    successes as (

        select
            instance_id,
            max(coalesce(started_at, ended_at)) as by_any,
            max(coalesce(started_at, ended_at)) filter (strength >= 2) as by_diff,
            max(coalesce(started_at, ended_at)) filter (strength >= 3) as by_full
        from attempts
        where {{ is_success('state') }}
        group by instance_id

    ),

    open_attempts as (

        select attempts.*
        from attempts
        left join successes using (instance_id)
        where
            not {{ is_success('attempts.state') }}
            and coalesce(attempts.started_at, attempts.ended_at) >= coalesce(
                case attempts.strength
                    when 1 then successes.by_any
                    when 2 then successes.by_diff
                    else successes.by_full
                end,
                timestamp '0001-01-01'
            )

    ),

    open_failures as (

        select * from open_attempts
        where state in ('failed', 'lost')

    )
{%- endmacro %}

{#- What `open_failures` looks at, under the name `attempts`: the attempts that a question about the present
    can need, with when they ended and how strong they are. -#}
{% macro attempts_in_question(attempts=none) -%}
    select
        *,
        coalesce(finished_at, started_at, first_seen_at) as ended_at,
        {{ strength('backup_type') }} as strength
    from {{ attempts or ref('int_attempts_recent') }}
    where instance_id is not null
{%- endmacro %}
