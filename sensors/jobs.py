"""Jobs of the watch lane: pull and evaluate, or evaluate alone.

Belongs here: selections and tags. Does not belong here: the step itself.
"""

import dagster as dg

from cbcr_assets.checks import STATUS_KEY

SOURCE_TAG = "cbcr/source"
# Before dbt builds in the queue: an alert must not wait for an analysis.
PRIORITY = {"dagster/priority": "10"}

_STATUS = dg.AssetSelection.assets(STATUS_KEY)

watch_job = dg.define_asset_job(
    "watch",
    selection=dg.AssetSelection.key_prefixes(["raw"]) | _STATUS,
    tags=PRIORITY,
    description="Pull what sources offer, then evaluate every SLA rule.",
)
evaluate_job = dg.define_asset_job(
    "evaluate",
    selection=_STATUS,
    tags=PRIORITY,
    description="Evaluate every SLA rule: something may be due although nothing arrived.",
)


def in_flight(
    instance: dg.DagsterInstance, *, job: str, tags: dict[str, str] | None = None
) -> bool:
    """Tell whether a run of this job (with these tags) is queued or running."""
    unfinished = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    filters = dg.RunsFilter(job_name=job, tags=tags or {}, statuses=unfinished)
    return bool(instance.get_run_records(filters, limit=1))
