"""The `watch` code location: sensors that see, runs that pull, alerts that tell. Always warm.

Belongs here: sensors, the watch lane's jobs, the assembly of the location.
Does not belong here: steps and rules; and never an import that reaches dbt or Great Expectations.
"""
