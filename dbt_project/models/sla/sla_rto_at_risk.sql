-- Would a restore that begins now keep the promise? At risk below four chances in five, or when one
-- restore in twenty would take longer; broken when it would more likely fail than hold.
with estimates as (

    select * from {{ ref('int_rto_estimates') }}
    where objective_s is not null

),

running as (

    select instance_id, min(lost_at) as lost_at
    from {{ ref('int_restores') }}
    where outcome = 'running'
    group by instance_id

),

judged as (

    select
        'instance' as subject_kind,
        estimates.instance_id as subject_id,
        case
            when basis = 'unknown' or p_meets_rto is null then 'unknown'
            when p_meets_rto < 0.5 then 'breached'
            when p_meets_rto < 0.8 or p95_s > objective_s then 'approaching'
            else 'ok'
        end as status,
        case
            when basis <> 'unknown' and p_meets_rto >= 0.8 and p95_s <= objective_s then 'info'
            -- What only peers say wakes nobody.
            when basis in ('measured', 'own') and p_meets_rto < 0.5 and tier = 1 then 'critical'
            else 'warning'
        end as severity,
        p95_s as value,
        objective_s as objective,
        's' as unit,
        null as since,
        least(running.lost_at, retired_at) + interval 1 microsecond as changes_at,
        team,
        {{ instance_labels() }} as labels,
        case
            when basis = 'unknown' and bytes_now is null
                then estimates.instance_id || ': nobody knows how long a restore would take:'
                    || ' no backup tells how large it is'
            when basis = 'unknown'
                then estimates.instance_id || ': nobody knows how long a restore would take:'
                    || ' neither it nor enough of its peers was ever restored with proof'
            else estimates.instance_id || ': a restore now would probably take '
                || {{ human_seconds('p50_s') }} || ', one in twenty more than '
                || {{ human_seconds('p95_s') }} || '; ' || {{ human_seconds('objective_s') }}
                || ' are promised, the chance to keep it is '
                || printf('%d%%', floor(100 * p_meets_rto)::bigint)
                || case basis
                    when 'peer'
                        then '. Only estimated, from ' || n_peers || ' restores of '
                            || case
                                when peers = 'group' then 'other ' || db_type || ' in ' || pool
                                else 'the rest of the fleet'
                            end || ': it was never proven itself'
                    else ', by ' || n_own || ' of its own restores, the newest of '
                        || {{ utc_text('newest_proven_at') }}
                end
        end as summary
    from estimates
    left join running using (instance_id)

),

final as (

    select * from judged
    union all by name
    select *, 's' as unit from ({{ retired_rows() }})

)

select {{ sla_columns('final', 'rto_at_risk') }}
