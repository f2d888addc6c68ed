"""One sensor for each configured source: ask it, and offer what it said until it is stored.

Belongs here: the sensors' ticks. Does not belong here: how a source is asked (transports) or read.
"""

import hashlib
from collections.abc import Sequence

import dagster as dg

from cbcr_assets.config import SourceConfig
from cbcr_assets.connectors.transports.drop import OfferedFile
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.watch import collect_source, offered_files
from sensors.jobs import SOURCE_TAG, in_flight, watch_job
from sensors.offers import next_offer

# Dagster's loop takes 5 s: an interval of 5 s would skip each turn that comes a moment early.
_FASTEST_S = 4


def source_sensor(source: SourceConfig) -> dg.SensorDefinition:
    """Build the sensor of one source.

    It collects from the source's feeds, then asks for a pull while envelope files are on offer:
    files are acknowledged by the pull, never by the sensor.
    """

    @dg.sensor(
        name=f"source_{dg_name(source.source_id)}",
        job=watch_job,
        minimum_interval_seconds=_FASTEST_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks {source.source_id} ({source.tool}) and pulls what it says.",
    )
    def tick(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> dg.SensorResult | dg.SkipReason:
        opened, now = platform.open(), platform.now()
        collect_source(opened, source, now=now)
        files = offered_files(opened, source)
        if not files:
            return dg.SkipReason("nothing new")
        tags = {SOURCE_TAG: source.source_id}
        if in_flight(context.instance, job=watch_job.name, tags=tags):
            return dg.SkipReason(f"{len(files)} files on offer, a pull is on its way")
        offer = next_offer(context.cursor, watermark(files), now=now)
        if offer is None:
            return dg.SkipReason(f"{len(files)} files were offered a moment ago")
        config = {"ops": {"pull_and_evaluate": {"config": {"sources": [source.source_id]}}}}
        request = dg.RunRequest(
            run_key=f"{source.source_id}:{offer.run_key}", run_config=config, tags=tags
        )
        return dg.SensorResult(run_requests=[request], cursor=offer.dump())

    return tick


def watermark(files: Sequence[OfferedFile]) -> str:
    """Return the identity of a set of offered files."""
    names = "\n".join(f"{file.path}:{file.size}:{file.mtime_ns}" for file in files)
    return hashlib.sha256(names.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def dg_name(text: str) -> str:
    """Return `text` as a Dagster name: letters, digits and underscores."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)
