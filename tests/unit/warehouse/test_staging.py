"""What was built is tested on a copy, and only what passed is published."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cbcr_assets.warehouse import FileWarehouse, WarehouseError, WarehouseMissing
from cbcr_assets.warehouse.publish import approve

NOW = datetime(2026, 1, 1, 12)


@pytest.fixture
def warehouse(tmp_path: Path) -> FileWarehouse:
    return FileWarehouse(tmp_path / "cbcr.duckdb", tmp_path / "serving", keep=2)


def say(warehouse: FileWarehouse, word: str) -> None:
    with warehouse.write() as session:
        session.execute("insert into state.settings values ($word, 'x')", {"word": word})


def words(warehouse: FileWarehouse) -> list[str]:
    with warehouse.read() as session:
        found = session.rows("select name from state.settings order by 1")
    return [str(name) for (name,) in found]


def files(warehouse: FileWarehouse) -> list[str]:
    names = (str(path.relative_to(warehouse.serving)) for path in warehouse.serving.rglob("*.*"))
    return sorted(names)


def test_nobody_reads_a_staged_copy_before_it_passed(warehouse: FileWarehouse) -> None:
    say(warehouse, "built")
    staged = warehouse.stage(now=NOW)
    assert staged.name == warehouse.path.name, "of the same catalog: names in tests stay right"
    assert warehouse.publish_tested() is None
    with pytest.raises(WarehouseMissing):
        words(warehouse)


def test_what_passed_is_published_as_it_was_tested(warehouse: FileWarehouse) -> None:
    say(warehouse, "built")
    staged = warehouse.stage(now=NOW)
    say(warehouse, "said during the tests")
    approve(staged)
    snapshot = warehouse.publish_tested()
    assert snapshot is not None
    assert (snapshot.version, snapshot.published_at) == (1, NOW)
    assert words(warehouse) == ["built"]
    assert warehouse.publish_tested() is None, "once"


def test_what_failed_is_made_anew_by_the_next_build(warehouse: FileWarehouse) -> None:
    say(warehouse, "bad")
    warehouse.stage(now=NOW)
    say(warehouse, "good")
    approve(warehouse.stage(now=NOW + timedelta(minutes=5)))
    warehouse.publish_tested()
    assert words(warehouse) == ["bad", "good"]
    assert files(warehouse) == ["warehouse-1.duckdb"]


def test_no_more_versions_are_kept_than_asked_for(warehouse: FileWarehouse) -> None:
    for number in range(5):
        say(warehouse, str(number))
        approve(warehouse.stage(now=NOW))
        warehouse.publish_tested()
    assert files(warehouse) == ["warehouse-4.duckdb", "warehouse-5.duckdb"]
    assert words(warehouse) == ["0", "1", "2", "3", "4"]


def test_a_reader_keeps_its_version_while_others_are_staged(warehouse: FileWarehouse) -> None:
    say(warehouse, "first")
    warehouse.publish(now=NOW)
    with warehouse.read() as reader:
        for number in range(4):
            say(warehouse, str(number))
            approve(warehouse.stage(now=NOW))
            warehouse.publish_tested()
        assert reader.rows("select name from state.settings") == [("first",)]


def test_publishing_as_it_is_makes_a_tested_copy_worthless(warehouse: FileWarehouse) -> None:
    say(warehouse, "built")
    approve(warehouse.stage(now=NOW))
    say(warehouse, "newer")
    warehouse.publish(now=NOW)
    assert warehouse.publish_tested() is None
    assert words(warehouse) == ["built", "newer"]


def test_a_copy_that_fails_leaves_nothing_to_publish(
    warehouse: FileWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cbcr_assets.warehouse.publish.shutil.copyfile", full)
    with pytest.raises(WarehouseError, match=r"no copy to test.*No space left"):
        warehouse.stage(now=NOW)
    assert files(warehouse) == []


def test_a_staged_copy_under_test_is_not_taken_away(warehouse: FileWarehouse) -> None:
    say(warehouse, "built")
    staged = warehouse.stage(now=NOW)
    with duckdb.connect(str(staged), read_only=True) as testing:
        say(warehouse, "newer")
        warehouse.stage(now=NOW)
        assert testing.execute("select name from state.settings").fetchall() == [("built",)]
