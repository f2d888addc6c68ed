"""What one pull of a source did, for people and logs.

Belongs here: the counts. Does not belong here: pulling (see `pull`), which needs a warehouse.
"""

from dataclasses import dataclass

from cbcr_assets.warehouse import LoadResult


@dataclass(frozen=True)
class PullReport:
    """What one pull of a source did.

    Attributes:
        source_id: The source.
        files: Envelope files that were read.
        loaded: What changed, by raw table.
        seen: Records met.
        rejected: Records quarantined.
        errors: Why parts of the pull are not ok.
    """

    source_id: str
    files: int
    loaded: tuple[LoadResult, ...]
    seen: int
    rejected: int
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Every file could be read."""
        return not self.errors

    def changed(self, table: str) -> int:
        """Return how many rows of a raw table are new or better known."""
        return sum(result.changed for result in self.loaded if result.table == table)
