"""The benchmark's fleet: what its figures rest on. Its timings are not tested."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.rpo import table, targets
from benchmarks.rpo.generate import generate, prepare
from benchmarks.rpo.hour import load, next_hour
from benchmarks.rpo.rivals import Disagreement, compare
from benchmarks.rpo.shape import Place, Shape, micros
from benchmarks.rpo.stretch import Stretch
from cbcr_assets.warehouse import FileWarehouse

SHAPE = Shape(instances=60, attempts=9_000, days=60)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("fleet"))
    generate(SHAPE, found)
    return found


@contextmanager
def opened(place: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(place.warehouse), read_only=True) as con:
        yield con


def one(place: Place, sql: str) -> tuple:
    with opened(place) as con:
        row = con.execute(sql).fetchone()
    assert row is not None
    return row


def test_it_has_about_the_attempts_that_were_asked_for(place: Place) -> None:
    count, keys = one(place, "select count(*), count(distinct attempt_key) from raw.backup_jobs")
    assert count == keys
    assert count == pytest.approx(SHAPE.attempts, rel=0.2)


def test_every_success_has_one_set_and_nothing_else_has(place: Place) -> None:
    labels = "select backup_label as label from raw.backup_jobs where backup_label is not null"
    orphans, missing, sets = one(
        place,
        f"""
        select (select count(*) from raw.backup_sets anti join ({labels}) using (label)),
          (select count(*) from ({labels}) anti join raw.backup_sets using (label)),
          (select count(*) from raw.backup_sets)""",
    )
    assert (orphans, missing) == (0, 0)
    assert sets > SHAPE.attempts / 2


def test_rows_lie_in_the_order_in_which_they_became_news(place: Place) -> None:
    for name in ("backup_jobs", "backup_sets"):
        back, last, handed_out = one(
            place,
            f"""
            select count(*) filter (ingest_seq < before), max(ingest_seq),
              (select start_value from duckdb_sequences() where sequence_name = 'ingest_seq')
            from (select ingest_seq, lag(ingest_seq) over (order by rowid) as before
              from raw.{name})""",
        )
        assert back == 0
        assert last < handed_out


def test_nothing_depends_on_what_had_not_ended_or_comes_from_the_future(place: Place) -> None:
    early, future = one(
        place,
        f"""
        select count(*) filter (parents.finished_at > sets.started_at),
          count(*) filter (sets.finished_at > timestamp '{SHAPE.end}')
        from raw.backup_sets as sets
        left join raw.backup_sets as parents on sets.parent_label = parents.label""",
    )
    assert (early, future) == (0, 0)


def test_it_has_what_makes_recovery_points_hard(place: Place) -> None:
    kinds, expired, failed, running, overtaken = one(
        place,
        """
        select
          (select count(distinct backup_type) from raw.backup_sets),
          (select count(*) from raw.backup_sets where lifecycle = 'expired'
            and unusable_from > finished_at),
          (select count(*) from raw.backup_jobs where state = 'failed'),
          (select count(*) from raw.backup_jobs where state = 'running'),
          (select count(*) from (
            select finished_at < max(finished_at) over (partition by instance_id
              order by started_at) as is_overtaken from raw.backup_sets) where is_overtaken)""",
    )
    assert kinds == 5
    assert min(expired, failed, running, overtaken) > 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows_and_another_does_not(
    place: Place, tmp_path: Path
) -> None:
    digest = "select bit_xor(hash(s)) from raw.backup_sets as s"
    same, other = Place(tmp_path / "same"), Place(tmp_path / "other")
    generate(SHAPE, same)
    generate(replace(SHAPE, seed=2), other)
    assert one(same, digest) == one(place, digest)
    assert one(other, digest) != one(place, digest)


@pytest.mark.slow
def test_an_hour_is_what_a_longer_history_would_have_held(place: Place, tmp_path: Path) -> None:
    """The product's merge of the batch gives what the generator knows an hour later."""
    live = Place(tmp_path / "live")
    generate(SHAPE, live)
    before = one(live, "select count(*) from raw.backup_jobs")[0]
    batch = next_hour(SHAPE, live)
    load(batch, FileWarehouse(live.warehouse, live.serving))
    assert one(live, "select cbcr_now()") == (SHAPE.end + timedelta(hours=1),)
    later = micros(batch.ends)
    whole = Stretch(SHAPE, SHAPE.start_us, later, later)
    known = {
        "backup_jobs": (whole.jobs(), whole.late_jobs()),
        "backup_sets": (whole.sets(), whole.gone_sets(), whole.late_sets()),
    }
    with duckdb.connect(str(live.warehouse)) as con:
        prepare(con, SHAPE, live)
        for name, columns in (
            ("backup_jobs", "attempt_key, state, started_at, finished_at, backup_label"),
            ("backup_sets", "label, lifecycle, integrity, unusable_from, parent_label"),
        ):
            rows = " union all by name ".join(f"({part})" for part in known[name])
            expected = con.execute(f"select {columns} from ({rows}) order by all").fetchall()
            assert con.execute(f"select {columns} from raw.{name} order by all").fetchall() == (
                expected
            )
    assert one(live, "select count(*) from raw.backup_jobs")[0] > before


def test_an_average_that_no_mix_gives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a day each: choose between"):
        generate(Shape(instances=100, attempts=100, days=60), Place(tmp_path))


def test_engines_that_disagree_end_the_run() -> None:
    found = {
        "duckdb": {"prepare": {}, "rpo_now": {"figures": [1, 2]}},
        "postgresql": {"lateral": {"figures": [1, 3]}},
    }
    with pytest.raises(Disagreement, match=r"lateral: duckdb found \[1, 2\], postgresql \[1, 3\]"):
        compare(found)


def test_a_target_that_was_not_measured_is_not_met() -> None:
    assert {target.met for target in targets.judge([])} == {None}


def test_the_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n## Ingest\nkept\n")
    table.write(page, "## RPO\nold\n")
    table.write(page, "## RPO\nnew\n")
    text = page.read_text()
    assert text.startswith("# Benchmarks\n\n## Ingest\nkept\n")
    assert "new" in text
    assert "old" not in text
    assert text.count(table.BEGIN) == 1
