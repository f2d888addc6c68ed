{#- The estimate of restore time: docs/definitions.md tells each formula with an example. -#}

{#- A proof, and an estimate from an own restore, are fresh for so many days. -#}
{% macro proof_days() -%} 90 {%- endmacro %}

{#- Weights of what is believed before the first restore: so many restores' worth of each variance
    of ln seconds a byte. Without them a fleet with three drills would claim to know everything. -#}
{% macro rto_priors() -%}
    {{ return({
        'within': 0.06, 'within_weight': 4, 'between': 0.09, 'between_weight': 4,
        'groups': 0.25, 'groups_weight': 2, 'least_between': 0.005, 'success_weight': 7,
    }) }}
{%- endmacro %}

{% macro normal_cdf(z) -%}
    {#- Abramowitz and Stegun 7.1.26, at most 1.5e-7 wrong: DuckDB has no error function. -#}
    {%- set t = '(1 / (1 + 0.3275911 * abs(' ~ z ~ ') / sqrt(2)))' -%}
    (0.5 + 0.5 * sign({{ z }}) * (
        1 - {{ t }} * (0.254829592 + {{ t }} * (-0.284496736 + {{ t }} * (
            1.421413741 + {{ t }} * (-1.453152027 + {{ t }} * 1.061405429)
        ))) * exp(-({{ z }}) * ({{ z }}) / 2)
    ))
{%- endmacro %}

{#- From the sums over a fleet's restores to its variances: within an instance, between the
    instances of a group, between groups (nested analysis of variance, with priors). The relation has
    n, n_instances, n_groups, sum_squares, instance_squares, group_squares, group_repeats,
    sum_means, sum_mean_squares, sum_inverse_n, sum_repeats. -#}
{% macro rto_variances(relation) -%}
    {%- set prior = rto_priors() -%}
    with within_ as (

        select
            *,
            (
                greatest(sum_squares - instance_squares, 0)
                + {{ prior.within_weight }} * {{ prior.within }}
            ) / (n - n_instances + {{ prior.within_weight }}) as within_var
        from {{ relation }}

    ),

    between_ as (

        select
            *,
            greatest(
                (
                    (n_instances - n_groups) * coalesce(greatest(
                        (
                            instance_squares - group_squares
                            - (n_instances - n_groups) * within_var
                        ) / nullif(case when n_instances > n_groups then n - group_repeats end, 0),
                        0
                    ), 0)
                    + {{ prior.between_weight }} * {{ prior.between }}
                ) / (n_instances - n_groups + {{ prior.between_weight }}),
                {{ prior.least_between }}
            ) as between_var
        from within_

    ),

    means_ as (

        select
            *,
            sum_means / n_groups as fleet_mean,
            (within_var * sum_inverse_n + between_var * sum_repeats) / n_groups as mean_var
        from between_

    ),

    groups_ as (

        select
            *,
            (
                (n_groups - 1) * greatest(
                    coalesce(
                        (sum_mean_squares - n_groups * fleet_mean * fleet_mean)
                        / nullif(n_groups - 1, 0),
                        0
                    ) - mean_var,
                    0
                )
                + {{ prior.groups_weight }} * {{ prior.groups }}
            ) / (n_groups - 1 + {{ prior.groups_weight }}) as group_var
        from means_

    )

    select
        * exclude (mean_var),
        (group_var + mean_var) / n_groups as fleet_mean_var
    from groups_
{%- endmacro %}

{#- What to expect of one instance: its own mean, drawn to that of its group, drawn to the fleet's.
    The relation has the variances and n_own, own_mean, n_group, group_mean, group_repeats_own
    (sum of squared restores of its instances) and bytes. -#}
{% macro rto_posterior(relation) -%}
    with weighed_ as (

        select
            *,
            n_own * between_var / (n_own * between_var + within_var) as own_weight,
            case
                when n_group > 0
                    then within_var / n_group
                        + between_var * group_repeats_own / (n_group * n_group)
            end as group_mean_var
        from {{ relation }}

    ),

    drawn_ as (

        select
            *,
            coalesce(group_var / (group_var + group_mean_var), 0) as group_weight
        from weighed_

    ),

    centred_ as (

        select
            *,
            group_weight * coalesce(group_mean, 0) + (1 - group_weight) * fleet_mean as centre,
            case
                when n_group > 0
                    then group_weight * group_mean_var
                        + (1 - group_weight) * (1 - group_weight) * fleet_mean_var
                else group_var + fleet_mean_var
            end as centre_var
        from drawn_

    )

    select
        * exclude (group_mean_var, group_weight, centre, centre_var),
        ln(bytes) + own_weight * coalesce(own_mean, 0) + (1 - own_weight) * centre as mu,
        sqrt(
            within_var
            + between_var * within_var / (n_own * between_var + within_var)
            + (1 - own_weight) * (1 - own_weight) * centre_var
        ) as sigma
    from centred_
{%- endmacro %}

{#- Chance that a restore succeeds at all, drawn to the fleet's rate (which is never 0 or 1). -#}
{% macro rto_p_success(succeeded, failed, fleet_succeeded, fleet_failed) -%}
    {%- set weight = rto_priors().success_weight -%}
    (
        ({{ succeeded }}) + {{ weight }} * (({{ fleet_succeeded }}) + 0.5)
        / (({{ fleet_succeeded }}) + ({{ fleet_failed }}) + 1)
    ) / (({{ succeeded }}) + ({{ failed }}) + {{ weight }})
{%- endmacro %}

{% macro rto_quantile(z) -%}
    exp(mu + {{ z }} * sigma)
{%- endmacro %}

{#- Peers say something only where there are at least three restores, and of its own group or of at
    least two others. -#}
{% macro rto_basis(n_own, newest_at, at) -%}
    case
        when mu is null then 'unknown'
        when {{ n_own }} > 0 and {{ newest_at }} >= {{ at }} - interval {{ proof_days() }} day
            then 'measured'
        when {{ n_own }} > 0 then 'own'
        when n < 3 or (n_group = 0 and n_groups < 2) then 'unknown'
        else 'peer'
    end
{%- endmacro %}

{#- Seconds of a phase whose both ends are known and in order, else nothing. -#}
{% macro phase_s(start, stop) -%}
    case when {{ stop }} >= {{ start }} then {{ seconds_between(start, stop) }} end
{%- endmacro %}

{#- Loss of a predicted quantile: what it is too low by counts q, what it is too high by 1 - q. -#}
{% macro pinball(actual, predicted, q) -%}
    greatest({{ q }} * ({{ actual }} - {{ predicted }}), ({{ q }} - 1) * ({{ actual }} - {{ predicted }}))
{%- endmacro %}

{#- Kendall's S and its variance to a two-sided p-value, with the correction for continuity. -#}
{% macro kendall_z(s, variance) -%}
    case when {{ variance }} > 0 then ({{ s }} - sign({{ s }})) / sqrt({{ variance }}) else 0 end
{%- endmacro %}
