"""Polars with its streaming engine, lazily on the Parquet files: it has no form of its own.

Belongs here: queries.
"""

from datetime import datetime, timedelta

import polars as pl
from timing import Query, Question, answer, question, say, status_figures


def main() -> None:
    """Answer one question."""
    asked = question()
    if asked.query == "prepare":
        size = (asked.folder / "jobs.parquet").stat().st_size / 2**20
        say(load_s=0.0, size_mib=size, version=pl.__version__)
    else:
        answer(queries(asked)[asked.query])


def queries(asked: Question) -> dict[str, Query]:
    """Return the queries by name."""
    jobs = pl.scan_parquet(asked.folder / "jobs.parquet")
    instances = pl.scan_parquet(asked.folder / "instances.parquet")
    now = datetime(1970, 1, 1) + timedelta(microseconds=asked.now_us)  # noqa: DTZ001
    return {
        "rpo_now": Query(
            lambda: rpo_now(jobs, instances, now).collect(engine="streaming"),
            lambda found: status_figures(found.select("status", "age_us").rows()),
        ),
        "violations": Query(
            lambda: violations(jobs, instances, now).collect(engine="streaming"),
            lambda found: [int(value) for value in found.row(0)],
        ),
        "history": Query(
            lambda: jobs.filter(pl.col("instance") == asked.instance).collect(engine="streaming"),
            lambda found: [found.height],
        ),
    }


def rpo_now(jobs: pl.LazyFrame, instances: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Age of the newest usable point, and what it means."""
    until = pl.col("usable_until")
    points = (
        jobs.filter(
            (pl.col("recovery_point_at") <= now)
            & (pl.col("finished_at") <= now)
            & (until.is_null() | (until > now))
        )
        .group_by("instance")
        .agg(
            (pl.lit(now) - pl.col("recovery_point_at").max())
            .dt.total_microseconds()
            .alias("age_us")
        )
    )
    age, limit = pl.col("age_us"), pl.col("rpo_us")
    status = (
        pl.when(age.is_null())
        .then(pl.lit("unknown"))
        .when(age > limit)
        .then(pl.lit("breached"))
        .when(age > 0.75 * limit)
        .then(pl.lit("approaching"))
        .otherwise(pl.lit("ok"))
    )
    joined = instances.join(points, on="instance", how="left")
    return joined.select("instance", status.alias("status"), "age_us")


def violations(jobs: pl.LazyFrame, instances: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Running maximum over finish order, and the next completion."""
    moment = pl.lit(now).dt.epoch("us")
    held = (
        jobs.filter(pl.col("recovery_point_at").is_not_null() & (pl.col("finished_at") <= now))
        .select(
            "instance",
            c=pl.col("finished_at").dt.epoch("us"),
            p=pl.col("recovery_point_at").dt.epoch("us"),
        )
        .sort("instance", "c")
        .with_columns(
            p=pl.col("p").cum_max().over("instance"),
            n=pl.col("c").shift(-1).over("instance").fill_null(moment),
        )
        .join(instances, on="instance")
    )
    begins = pl.max_horizontal("c", pl.col("p") + pl.col("rpo_us"))
    broken = held.filter(
        (pl.col("n") > pl.col("p") + pl.col("rpo_us")) & (pl.col("n") > pl.col("c"))
    )
    return broken.select(pl.len(), total=(pl.col("n") - begins).sum())


if __name__ == "__main__":
    main()
