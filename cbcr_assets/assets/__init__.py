"""Dagster assets of both lanes.

Belongs here: asset definitions, one file a lane or purpose. Does not belong here: the steps they
call (see `cbcr_assets.steps`), sensors, jobs. Importing this package imports none of its files:
the watch lane must not pay for dbt.
"""
