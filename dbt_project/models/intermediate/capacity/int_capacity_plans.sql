-- The backups to come of each volume, as the newest known day shows them (macros/capacity_habits.sql).
{{ config(materialized='table') }}

with {{ capacity_habits(ref('int_capacity_origins')) }},

{{ capacity_plans() }}

select * from plans_
