"""Which candidates can be news in a stretch of time; the rows of both raw tables follow.

Belongs here: the candidates, so that a stretch costs what it holds and not what the history holds.
Does not belong here: facts about one attempt (see `history`), writing (see `generate`, `hour`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.rpo import history
from benchmarks.rpo.shape import DAY_US, TICK_US, Shape


@dataclass(frozen=True)
class Stretch:
    """News that came in (low, high], as they are known at a later moment.

    Attributes:
        shape: The fleet.
        low_us: After this reading, microseconds since 1970.
        high_us: Up to this reading.
        known_us: The moment whose knowledge the rows hold, not before `high_us`.
    """

    shape: Shape
    low_us: int
    high_us: int
    known_us: int

    def jobs(self) -> str:
        """Rows of raw.backup_jobs that came in time."""
        began = history.begun_between(
            self.low_us - history.LONGEST_US - TICK_US,
            self.high_us,
            where=f"not {history.is_late()}",
        )
        return self._rows(history.jobs, began)

    def late_jobs(self) -> str:
        """Rows of raw.backup_jobs that came late."""
        return self._rows(history.jobs, self._late("arrive_us"))

    def sets(self) -> str:
        """Rows of raw.backup_sets that came in time and live, as far as is known."""
        alive = (
            f"not {history.is_late()} and not coalesce({history.gone()} <= {self.known_us}, false)"
        )
        low = self.low_us - history.LONGEST_US - history.VERIFIED_US - TICK_US
        return self._rows(history.sets, history.begun_between(low, self.high_us, where=alive))

    def gone_sets(self) -> str:
        """Rows of raw.backup_sets that expired."""
        gone = history.gone_between(self.low_us, self.high_us)
        return self._rows(history.sets, f"{gone} and not {history.is_late()}")

    def late_sets(self) -> str:
        """Rows of raw.backup_sets that came late, were found corrupt or expired."""
        parts = (
            f"case when {at} <= {self.known_us} then {at} end" for at in ("gone_us", "corrupt_us")
        )
        return self._rows(history.sets, self._late(f"greatest(arrive_us, {', '.join(parts)})"))

    def new_late(self) -> str:
        """Keys of attempts that ended in this stretch and will be told late."""
        began = history.begun_between(
            self.low_us - history.LONGEST_US - TICK_US, self.high_us, where=history.is_late()
        )
        return f"""
select n, k, arrive_us, gone_us, corrupt_us from ({history.facts(began)})
where end_us is not null and tick(end_us) > {self.low_us} and tick(end_us) <= {self.high_us}"""

    def _late(self, news: str) -> str:
        return f"""
from (select f.*, l.k from known.late as l inner join known.fleet as f using (n)
  where {news} > {self.low_us} and {news} <= {self.high_us})"""

    def _rows(self, rows: Callable[[str, Shape, int, int, int], str], candidates: str) -> str:
        return rows(candidates, self.shape, self.low_us, self.high_us, self.known_us)


def cut(shape: Shape, rows: int) -> list[Stretch]:
    """Cut a history into stretches of about so many attempts, each a whole number of readings."""
    pieces = max(1, shape.attempts // rows)
    ticks = shape.days * DAY_US // TICK_US
    edges = [shape.start_us + ticks * piece // pieces * TICK_US for piece in range(pieces + 1)]
    return [Stretch(shape, low, high, shape.end_us) for low, high in pairwise(edges)]
