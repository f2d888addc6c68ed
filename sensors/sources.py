"""The sensors of the configured sources: ask them, and offer what they said until it is stored.

Belongs here: the sensors' ticks. Does not belong here: how a source is asked (transports) or read.
"""

import hashlib
from collections.abc import Iterable, Sequence
from zlib import crc32

import dagster as dg

from cbcr_assets.config import SourceConfig
from cbcr_assets.connectors.transports.drop import OfferedFile
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps.collecting import collect_each
from cbcr_assets.steps.watch import offered_files
from sensors.jobs import SOURCE_TAG, in_flight, watch_job
from sensors.offers import next_offer

# Dagster's loop takes 5 s: an interval of 5 s would skip each turn that comes a moment early.
_FASTEST_S = 4
_WAIT_S = 1.0  # for answers within the tick; Dagster has few threads for all sensors

MOST_SENSORS = 16
"""More sources than this share so many sensors."""


def source_sensors(sources: Iterable[SourceConfig]) -> list[dg.SensorDefinition]:
    """Build the sensors of all sources: one each, or of many sources a fixed number of groups.

    A sensor costs Dagster some work at every turn, a source in a group nearly none. A source stays
    in its group whatever is configured beside it.
    """
    known = list(sources)
    if len(known) <= MOST_SENSORS:
        return [_sensor(source.source_id, [source]) for source in known]
    groups: dict[str, list[SourceConfig]] = {}
    for source in known:
        number = crc32(source.source_id.encode()) % MOST_SENSORS
        groups.setdefault(f"group_{number:02d}", []).append(source)
    return [_sensor(name, members) for name, members in sorted(groups.items())]


def _sensor(name: str, sources: Sequence[SourceConfig]) -> dg.SensorDefinition:
    """Build the sensor of some sources.

    It collects from their feeds, then asks for a pull while envelope files are on offer: files are
    acknowledged by the pull, never by the sensor. A source that does not answer at once is not
    waited for: it goes on in its own thread, and what it says is offered by a later tick.
    """
    asks = f"{sources[0].source_id} ({sources[0].tool})" if len(sources) == 1 else (
        f"{len(sources)} sources"
    )  # fmt: skip

    @dg.sensor(
        name=f"source_{dg_name(name)}",
        job=watch_job,
        minimum_interval_seconds=_FASTEST_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks {asks} and pulls what is said.",
    )
    def tick(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> dg.SensorResult | dg.SkipReason:
        opened, now = platform.open(), platform.now()
        for collected in collect_each(opened, sources, now=now, wait_s=_WAIT_S):
            if collected.error is not None:
                context.log.error(f"{collected.source_id} was not asked: {collected.error}")
        offers = {source.source_id: offered_files(opened, source) for source in sources}
        files = [file for offer in offers.values() for file in offer]
        if not files:
            return dg.SkipReason("nothing new")
        tags = {SOURCE_TAG: name}
        if in_flight(context.instance, job=watch_job.name, tags=tags):
            return dg.SkipReason(f"{len(files)} files on offer, a pull is on its way")
        offer = next_offer(context.cursor, watermark(files), now=now)
        if offer is None:
            return dg.SkipReason(f"{len(files)} files were offered a moment ago")
        speaking = [source_id for source_id, found in offers.items() if found]
        config = {"ops": {"pull_and_evaluate": {"config": {"sources": speaking}}}}
        request = dg.RunRequest(run_key=f"{name}:{offer.run_key}", run_config=config, tags=tags)
        return dg.SensorResult(run_requests=[request], cursor=offer.dump())

    return tick


def watermark(files: Sequence[OfferedFile]) -> str:
    """Return the identity of a set of offered files."""
    names = "\n".join(f"{file.path}:{file.size}:{file.mtime_ns}" for file in files)
    return hashlib.sha256(names.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def dg_name(text: str) -> str:
    """Return `text` as a Dagster name: letters, digits and underscores."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)
