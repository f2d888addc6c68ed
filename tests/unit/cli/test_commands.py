"""The command line as a stranger meets it: first files, wrong files, wrong words, no data yet."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cbcr_assets.cli import main

Run = Callable[..., tuple[int, str, str]]
LOGS = Path(__file__).resolve().parents[2] / "recorded" / "pgbackrest"


@pytest.fixture
def cbcr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run `cbcr` with words in an empty folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CBCR_CONFIG", raising=False)
    monkeypatch.delenv("CBCR_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cbcr", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return int(stopped.value.code or 0), told.out, told.err

    return run


def test_init_writes_files_that_doctor_accepts_and_nothing_twice(cbcr: Run, tmp_path: Path) -> None:
    assert cbcr("init")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "cbcr.yaml", "inventory.yaml", "alerting.yaml"
    }  # fmt: skip
    (tmp_path / "inventory.yaml").write_text("instances: []\n")
    code, _, error = cbcr("init")
    assert code == 2
    assert "exists" in error
    assert (tmp_path / "inventory.yaml").read_text() == "instances: []\n"

    code, out, _ = cbcr("doctor", "--format", "json")
    found = {row["what"]: row["state"] for row in json.loads(out)}
    assert found["cbcr.yaml"] == found["inventory"] == found["alerting"] == "ok"


def test_doctor_tells_every_mistake_with_its_line(cbcr: Run, tmp_path: Path) -> None:
    cbcr("init")
    (tmp_path / "cbcr.yaml").write_text(
        "sources:\n  a: {tool: pgbackrset, feeds: [{drop: inbox}]}\nwarehouse: {keep: 3}\n"
    )
    code, out, _ = cbcr("doctor", "--format", "json")
    assert code == 1
    told = " ".join(row["detail"] for row in json.loads(out))
    assert "cbcr.yaml:2" in told
    assert "pgbackrest" in told
    assert "cbcr.yaml:3" in told
    assert "keep_snapshots" in told


def test_doctor_and_health_know_what_health_is_made_of(cbcr: Run, tmp_path: Path) -> None:
    cbcr("init")
    found = {row["what"]: row["state"] for row in json.loads(cbcr("doctor", "--format", "json")[1])}
    assert found["health"] == "ok"
    with (tmp_path / "cbcr.yaml").open("a") as file:
        file.write("health: own.yaml\n")
    (tmp_path / "own.yaml").write_text("queue:\n  signals:\n    oldest_wiat: {warn: 9}\n")
    code, out, _ = cbcr("doctor", "--format", "json")
    assert code == 1
    assert "own.yaml:3: queue.signals.oldest_wiat" in " ".join(r["detail"] for r in json.loads(out))
    code, _, error = cbcr("health", "--component", "worker")
    assert code == 2
    assert "worker_pool" in error


@pytest.mark.parametrize("words", [("pull",), ("check",), ("alerts", "list"), ("sql", "select 1")])
def test_without_a_configuration_it_says_how_to_get_one(cbcr: Run, words: tuple[str, ...]) -> None:
    code, _, error = cbcr(*words)
    assert code == 2
    assert "cbcr init" in error


def test_before_anything_is_published_reading_says_what_to_run(cbcr: Run) -> None:
    cbcr("init")
    code, out, error = cbcr("sql", "select 1")
    assert (code, out) == (1, "")
    assert "cbcr publish" in error


def test_a_wrong_moment_shows_the_form(cbcr: Run) -> None:
    cbcr("init")
    code, _, error = cbcr("rpo", "--from", "yesterday", "--to", "2026-01-01")
    assert code == 2
    assert "2026-11-23T04:00:00Z" in error


def test_inspect_shows_what_is_read_and_stores_nothing(cbcr: Run, tmp_path: Path) -> None:
    log = tmp_path.parent / "orders-backup.log"
    log.write_bytes(gzip.decompress((LOGS / "orders-backup.log.gz").read_bytes()))
    code, out, _ = cbcr("inspect", "pgbackrest", str(log), "--format", "json")
    assert code == 0
    assert {"succeeded", "failed"} <= {row["state"] for row in json.loads(out)}
    assert list(tmp_path.iterdir()) == []
    code, _, error = cbcr("inspect", "pgbakcrest", str(log))
    assert code == 2
    assert "pgbackrest" in error


def test_import_reports_every_row_and_quarantines_what_is_wrong(cbcr: Run, tmp_path: Path) -> None:
    cbcr("init")
    rows = "source_id,attempt_key,instance_id,state,started_at\na,1,i,failed,2026-01-01T00:00:00Z\n"
    (tmp_path / "jobs.csv").write_text(rows + "a,2,i,failed,yesterday\n")
    code, out, error = cbcr("import", "backup_jobs", "jobs.csv")
    assert code == 1
    assert "jobs.csv:2" in out + error
    (tmp_path / "jobs.csv").write_text(rows.replace("state", "stat"))
    code, _, error = cbcr("import", "backup_jobs", "jobs.csv")
    assert code == 1
    assert "no column stat" in error


def test_a_folder_that_is_no_demo_is_never_removed(cbcr: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    code, _, error = cbcr("demo", "--once", "--directory", "mine")
    assert code == 2
    assert "not a demo" in error
    assert (tmp_path / "mine" / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--expand", "10XB"), "write 10TB"),
        (("--retention", "soon"), "write +14d"),
        (("--growth", "20"), "write +20%"),
        (("--onboard", "3"), "belong together"),
        (("--like", "orders"), "belong together"),
    ],
)
def test_a_question_of_capacity_that_says_nothing_is_refused(
    cbcr: Run, words: tuple[str, str], told: str
) -> None:
    cbcr("init")
    code, _, error = cbcr("capacity", "what-if", *words)
    assert code == 2
    assert told in error


def test_capacity_without_a_snapshot_says_what_to_do(cbcr: Run) -> None:
    cbcr("init")
    code, _, error = cbcr("capacity", "list")
    assert code == 1
    assert "cbcr build" in error
