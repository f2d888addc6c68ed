"""CBCR on its warehouse: the live view as the watch lane reads it, the page of one instance.

Belongs here: calling what the product calls. `opened` is `rpo_now` with opening the file counted;
`history` is what the instance's page asks of the published snapshot, over all time instead of a
month. Violations are models: dbt's own account of them is in the parent process.
"""

import itertools
import os
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from timing import Query, Question, answer, question, status_figures

from cbcr_assets.warehouse import FileWarehouse, Session, current

_STATUS = "select * from live.live_rpo_status"
_ALL_DAYS = 731
_NEAR = 0.75


def main() -> None:
    """Answer one question."""
    asked = question()
    now = datetime(1970, 1, 1) + timedelta(microseconds=asked.now_us)  # noqa: DTZ001
    warehouse = FileWarehouse(asked.folder / "cbcr.duckdb", asked.folder / "serving")
    if asked.query == "history":
        answer(history(asked))
    elif asked.query == "opened":
        answer(Query(lambda: opened(warehouse, now), digest))
    else:
        with warehouse.live(as_of=now) as session:
            answer(Query(lambda: status(session), digest))


def opened(warehouse: FileWarehouse, now: datetime) -> pl.DataFrame:
    """Open the live file and read the status of all instances."""
    with warehouse.live(as_of=now) as session:
        return status(session)


def status(session: Session) -> pl.DataFrame:
    """Read the status of all instances."""
    return session.query(_STATUS)


def digest(found: pl.DataFrame) -> list[int]:
    """Reduce it as the other engines do: who has no recovery point is unknown to them."""
    # What no planned backup can save any more is CBCR's own foresight: others look at ages only.
    aged = pl.when(pl.col("reason") == "projected", pl.col("ratio") <= _NEAR).then(pl.lit("ok"))
    rows = found.select(aged.otherwise("status").alias("status"), "exposure_s").rows()
    return status_figures(
        [("unknown", None) if age is None else (s, round(age * 1_000_000)) for s, age in rows]
    )


def history(asked: Question) -> Query:
    """What the page of an instance asks for; other days each time, or its cache would answer."""
    os.environ["CBCR_SERVING"] = str(asked.folder / "serving")
    # Only here: the dashboard's import is not part of the live view's memory.
    from streamlit_app.queries import instance as queries

    at = current(asked.folder / "serving")
    instance = f"db{asked.instance:06}"
    days = itertools.count(_ALL_DAYS)

    def page() -> list[Any]:
        span = next(days)
        return [
            queries.attempts(at, instance, span),
            queries.exposure(at, instance, span),
            queries.violations(at, instance, span),
        ]

    return Query(page, lambda found: [found[0].height])


if __name__ == "__main__":
    main()
