"""How large a fleet is, and the moment at which its history ends.

Belongs here: sizes. Does not belong here: what the instances are like (see `fleet`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
DAY_US = 86_400_000_000
TICK_US = 5 * MINUTE_US
"""Sources are read every five minutes."""

# Three at night: the hour that follows is a busy one.
END = datetime.fromisoformat("2026-06-01T03:00:00")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00")


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 of a naive UTC moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Shape:
    """A fleet to make.

    Attributes:
        instances: Database instances.
        attempts: Backup attempts, reached within a few per cent.
        days: Length of the history.
        seed: Same seed and shape, same rows.
        end: The present of this fleet, naive UTC.
    """

    instances: int
    attempts: int
    days: int = 730
    seed: int = 1
    end: datetime = END

    @property
    def start_us(self) -> int:
        """Begin of the history, microseconds since 1970."""
        return self.end_us - self.days * DAY_US

    @property
    def end_us(self) -> int:
        """End of the history, microseconds since 1970."""
        return micros(self.end)

    @property
    def sources(self) -> int:
        """Configured sources: one for 250 instances."""
        return max(1, self.instances // 250)


SIZES: dict[str, Shape] = {
    "100k": Shape(500, 100_000, days=73),  # to try things out
    # A tenth of the history of the same fleet: what may not grow with history is compared to this.
    "1m": Shape(5_000, 1_000_000, days=73),
    "10m": Shape(5_000, 10_000_000),
    "100m": Shape(50_000, 100_000_000),
}


@dataclass(frozen=True)
class Place:
    """Where the files of one fleet are.

    Attributes:
        folder: A folder of its own.
    """

    folder: Path

    @property
    def warehouse(self) -> Path:
        """The warehouse file that CBCR works on."""
        return self.folder / "cbcr.duckdb"

    @property
    def serving(self) -> Path:
        """Published snapshots."""
        return self.folder / "serving"

    @property
    def fleet(self) -> Path:
        """What the generator must remember to go on: instances and records still to come."""
        return self.folder / "fleet.duckdb"
