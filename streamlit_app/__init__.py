"""The dashboards: published snapshots, read-only, for managers and on-call engineers.

Belongs here: pages, charts, their SQL. Does not belong here: definitions of numbers (marts own
them), or anything that writes.
"""
