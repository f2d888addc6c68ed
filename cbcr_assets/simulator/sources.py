"""The sources of a simulated fleet, as its cbcr.yaml configures them.

Belongs here: names, tools, zones, feeds. Does not belong here: what they say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cbcr_assets.simulator.incidents import DEAD_SOURCE
from cbcr_assets.simulator.machinery import METRICS

TOKYO = "pgbr-tokyo"
DATABASE_FILE = "backup-catalog.db"
_ZONES = {TOKYO: "Asia/Tokyo"}
_DROP = ("{drop: inbox}",)
_SQL = (
    f'{{kind: catalog, sql: "sqlite:///{DATABASE_FILE}"}}',
    f'{{kind: job_log, sql: "sqlite:///{DATABASE_FILE}"}}',
)


@dataclass(frozen=True)
class Source:
    """One configured source."""

    source_id: str
    tool: str
    stale_after: str
    feeds: tuple[str, ...] = _DROP

    @property
    def timezone(self) -> str:
        """IANA zone of its hosts."""
        return timezone_of(self.source_id)

    @property
    def text(self) -> str:
        """Its lines in cbcr.yaml."""
        feeds = "".join(f"      - {feed}\n" for feed in self.feeds)
        return (
            f"  {self.source_id}:\n    tool: {self.tool}\n    timezone: {self.timezone}\n"
            f"    stale_after: {self.stale_after}\n    feeds:\n{feeds}"
        )


def sources(physical: Iterable[str]) -> tuple[Source, ...]:
    """Return all sources; `physical` names those that pgBackRest hosts report to."""
    return (
        *(Source(name, "pgbackrest", "1d") for name in sorted(physical)),
        Source("agents", "cbcr", "1d"),
        Source("catalog-db", "cbcr", "1h", _SQL),
        Source("drills", "cbcr", "7d"),
        Source(METRICS, "prometheus", "1d"),
        Source(DEAD_SOURCE, "cbcr", "1h"),
    )


def timezone_of(source_id: str) -> str:
    """Return the IANA zone that the hosts of a source live in."""
    return _ZONES.get(source_id, "UTC")


def local(source_id: str, at: datetime) -> datetime:
    """Return a moment as the clocks of a source's hosts show it, naive."""
    name = timezone_of(source_id)
    if name == "UTC":
        return at
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(name)).replace(tzinfo=None)
