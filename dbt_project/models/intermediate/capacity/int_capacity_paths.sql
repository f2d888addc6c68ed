-- The path of each volume for a year from the newest day that is known.
{{ config(materialized='table') }}

{{ capacity_paths(
    ref('int_capacity_origins'), 365, plans=ref('int_capacity_plans'), expiring=ref('int_capacity_expiring')
) }}
