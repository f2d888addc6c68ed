"""All SQL of the dashboards, one module a page, on published snapshots only.

Belongs here: queries with parameters. Does not belong here: drawing. What a number means is
defined in the models; a query selects, filters and groups.
"""
