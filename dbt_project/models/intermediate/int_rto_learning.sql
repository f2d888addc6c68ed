-- What was known after each proven restore, of its instance, of its group and of the whole fleet:
-- running sums, so that walking forward through all restores costs one sort and not one estimate
-- each. The last row holds the sums that int_rto_estimates makes at once.
with events as (

    select
        instance_id,
        db_type,
        pool,
        ended_at,
        residual,
        row_number() over (order by ended_at, source_id, restore_key) as seq
    from {{ ref('int_rto_evidence') }}
    where residual is not null

),

by_instance as (

    select
        *,
        count(*) over so_far as n_own,
        sum(residual) over so_far as own_sum
    from events
    window so_far as (partition by instance_id order by seq rows unbounded preceding)

),

by_group as (

    select
        *,
        count(*) over so_far as n_group,
        sum(residual) over so_far as group_sum,
        -- The sum of squared counts grows by n² - (n - 1)².
        sum(2 * n_own - 1) over so_far as group_repeats_own,
        own_sum * own_sum / n_own
        - coalesce(pow(own_sum - residual, 2) / nullif(n_own - 1, 0), 0) as instance_squares_step
    from by_instance
    window so_far as (partition by db_type, pool order by seq rows unbounded preceding)

),

stepped as (

    select
        *,
        group_sum * group_sum / n_group - coalesce(lag(group_sum * group_sum / n_group) over w, 0)
            as group_squares_step,
        group_repeats_own / n_group - coalesce(lag(group_repeats_own / n_group) over w, 0)
            as group_repeats_step,
        group_sum / n_group - coalesce(lag(group_sum / n_group) over w, 0) as means_step,
        pow(group_sum / n_group, 2) - coalesce(lag(pow(group_sum / n_group, 2)) over w, 0)
            as mean_squares_step,
        1 / n_group - coalesce(lag(1 / n_group) over w, 0) as inverse_n_step,
        group_repeats_own / (n_group * n_group)
        - coalesce(lag(group_repeats_own / (n_group * n_group)) over w, 0) as repeats_step
    from by_group
    window w as (partition by db_type, pool order by seq)

),

final as (

    select
        instance_id,
        db_type,
        pool,
        ended_at,
        seq,
        n_own,
        own_sum / n_own as own_mean,
        n_group,
        group_sum / n_group as group_mean,
        group_repeats_own,
        seq as n,
        -- A filtered count over a window takes minutes where this takes a fifth of a second.
        sum((n_own = 1)::integer) over so_far as n_instances,
        sum((n_group = 1)::integer) over so_far as n_groups,
        sum(residual * residual) over so_far as sum_squares,
        sum(instance_squares_step) over so_far as instance_squares,
        sum(group_squares_step) over so_far as group_squares,
        sum(group_repeats_step) over so_far as group_repeats,
        sum(means_step) over so_far as sum_means,
        sum(mean_squares_step) over so_far as sum_mean_squares,
        sum(inverse_n_step) over so_far as sum_inverse_n,
        sum(repeats_step) over so_far as sum_repeats
    from stepped
    window so_far as (order by seq rows unbounded preceding)

)

select * from final
