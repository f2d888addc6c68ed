{#- The life of each instance, cut wherever its newest usable recovery point changes: in each piece
    exposure grows with the clock and nothing else. DESIGN: exposure at t is t minus the newest point
    that is usable at t.

    `points` has instance_id, recovery_point_at, usable_from, worst_lag_s and a column `until` (null: for
    ever): usable_until as it was known then, or restated_until as it turned out to be;
    `scope` has instance_id, starts_at, ends_at, rpo_s, exclusions, grace_until: the part of its life
    that is wanted. Pieces are those of [starts_at, ends_at) that the points allow; points that ended
    before starts_at may be left out.

    In the order of usable_from a point counts that is newer than all before it (a record). Each record
    rules until the next one; only if it ends earlier is there a gap, in which older points matter. -#}
{% macro rpo_steps(points, scope, until='usable_until') -%}
    with floors as (

        -- What can be used all along: nothing older ever matters.
        select points.instance_id, max(points.recovery_point_at) as recovery_point_at
        from {{ points }} as points
        inner join {{ scope }} as scope using (instance_id)
        where
            points.usable_from <= scope.starts_at
            and coalesce(points.{{ until }}, timestamp '9999-01-01') >= scope.ends_at
        group by points.instance_id

    ),

    candidates as (

        select
            points.instance_id,
            points.recovery_point_at,
            points.usable_from,
            coalesce(points.{{ until }}, timestamp '9999-01-01') as usable_until,
            coalesce(points.worst_lag_s, 0) as worst_lag_s,
            scope.ends_at
        from {{ points }} as points
        inner join {{ scope }} as scope using (instance_id)
        left join floors using (instance_id)
        where
            coalesce(points.recovery_point_at >= floors.recovery_point_at, true)
            and points.usable_from < scope.ends_at
            and coalesce(points.{{ until }}, timestamp '9999-01-01')
            > greatest(points.usable_from, scope.starts_at)

    ),

    compared as (

        select
            *,
            max(recovery_point_at) over (
                partition by instance_id order by usable_from, recovery_point_at, usable_until
                rows between unbounded preceding and 1 preceding
            ) as best_before
        from candidates

    ),

    records as (

        select
            * exclude (best_before),
            least(
                lead(usable_from) over (
                    partition by instance_id order by usable_from, recovery_point_at
                ),
                ends_at
            ) as ruled_until
        from compared
        where coalesce(recovery_point_at > best_before, true)

    ),

    gaps as (

        select instance_id, usable_until as starts_at, ruled_until as stops_at from records
        where usable_until < ruled_until

    ),

    -- What may rule in a gap, newest first: a point rules where no newer one can be used.
    overlapping as (

        select
            gaps.instance_id,
            gaps.starts_at,
            gaps.stops_at,
            points.recovery_point_at,
            points.worst_lag_s,
            greatest(points.usable_from, gaps.starts_at) as begins_at,
            least(points.usable_until, gaps.stops_at) as closes_at
        from gaps
        inner join candidates as points
            on
                gaps.instance_id = points.instance_id
                and points.usable_from < gaps.stops_at
                and points.usable_until > gaps.starts_at

    ),

    cuts as (

        select instance_id, starts_at, stops_at, starts_at as cut_at from gaps
        union
        select instance_id, starts_at, stops_at, unnest([begins_at, closes_at]) as cut_at
        from overlapping

    ),

    slices as (

        select
            instance_id,
            cut_at as begins_at,
            coalesce(
                lead(cut_at) over (partition by instance_id, starts_at order by cut_at), stops_at
            ) as closes_at
        from cuts

    ),

    sliced as (

        select
            slices.instance_id,
            slices.begins_at as started_at,
            slices.closes_at as ended_at,
            max(overlapping.recovery_point_at) as recovery_point_at,
            arg_max(overlapping.worst_lag_s, overlapping.recovery_point_at) as worst_lag_s
        from slices
        left join overlapping
            on
                slices.instance_id = overlapping.instance_id
                and slices.begins_at >= overlapping.begins_at
                and slices.begins_at < overlapping.closes_at
        where slices.closes_at > slices.begins_at
        group by all

    ),

    before_the_first as (

        select
            scope.instance_id,
            scope.starts_at as started_at,
            coalesce(min(records.usable_from), any_value(scope.ends_at)) as ended_at
        from {{ scope }} as scope
        left join records using (instance_id)
        group by scope.instance_id, scope.starts_at

    ),

    ruled as (

        select
            instance_id,
            usable_from as started_at,
            least(usable_until, ruled_until) as ended_at,
            recovery_point_at,
            worst_lag_s
        from records
        union all by name
        select * from sliced
        union all by name
        select * from before_the_first

    ),

    clipped as (

        select
            ruled.instance_id,
            greatest(ruled.started_at, scope.starts_at) as started_at,
            least(ruled.ended_at, scope.ends_at) as ended_at,
            ruled.recovery_point_at,
            ruled.worst_lag_s,
            scope.rpo_s,
            scope.ends_at,
            scope.grace_until,
            scope.exclusions
        from ruled
        inner join {{ scope }} as scope using (instance_id)
        where
            least(ruled.ended_at, scope.ends_at) > greatest(ruled.started_at, scope.starts_at)

    ),

    -- Maintenance and the end of grace cut only the few pieces that they touch: lists are dear.
    marked as (

        select
            *,
            coalesce(len(exclusions) > 0, false)
            or coalesce(grace_until > started_at and grace_until < ended_at, false) as may_be_cut
        from clipped

    ),

    cut_points as (

        select
            * exclude (may_be_cut),
            list_sort(list_distinct(list_concat(
                [started_at],
                [
                    m for m in list_concat(
                        [grace_until],
                        flatten([[w.start, w.stop] for w in coalesce(exclusions, [])])
                    )
                    if m > started_at and m < ended_at
                ]
            ))) as moments
        from marked
        where may_be_cut

    ),

    cut_pieces as (

        select
            * exclude (started_at, ended_at, moments, position),
            moments[position] as started_at,
            coalesce(moments[position + 1], ended_at) as ended_at
        from (select *, unnest(range(1, len(moments) + 1)) as position from cut_points)

    ),

    pieces as (

        select
            * exclude (exclusions),
            len([
                w for w in coalesce(exclusions, [])
                if w.start <= started_at and w.stop > started_at
            ]) = 0 as is_measured
        from cut_pieces
        union all by name
        select
            * exclude (exclusions, may_be_cut),
            true as is_measured
        from marked
        where not may_be_cut

    ),

    judged as (

        select
            *,
            {{ plus_seconds('recovery_point_at', 'rpo_s') }} as breaks_at
        from pieces

    )

    select
        instance_id,
        started_at,
        ended_at,
        recovery_point_at,
        worst_lag_s,
        rpo_s as objective_s,
        is_measured,
        -- Violated from here on; equal to the objective is still compliant.
        case
            when not is_measured or started_at < grace_until then null
            when recovery_point_at is null then started_at
            when breaks_at < ended_at then greatest(started_at, breaks_at)
        end as violated_from,
        ends_at
    from judged
{%- endmacro %}
