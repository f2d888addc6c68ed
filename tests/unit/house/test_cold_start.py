"""A pull that finds nothing new is what most calls are: it must not load what only news needs."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("polars", "duckdb", "pyarrow", "sqlalchemy", "httpx", "fsspec", "dagster", "pandas")
PULL = """
import sys
sys.argv = ["cbcr", "pull", "logs", "--format", "json"]
from cbcr_assets.cli import main
try:
    main()
except SystemExit as end:
    code = end.code
loaded = {name.split(".")[0] for name in sys.modules}
print(code, *sorted(loaded & set(sys.argv_heavy)))
"""
EVENT = {
    "event": "backup", "run_id": "r1", "instance": "orders", "type": "full", "rc": 0,
    "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:10:00Z",
}  # fmt: skip


def pulled(folder: Path) -> tuple[dict[str, object], list[str]]:
    """Pull in a process of its own; return its answer, and its exit code with the heavy modules."""
    script = PULL.replace("sys.argv_heavy", repr(HEAVY))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True,
        env={"CBCR_CONFIG": str(folder / "cbcr.yaml"), "PATH": "/usr/bin:/bin",
             "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    answer, loaded = done.stdout.splitlines()
    return json.loads(answer)[0], loaded.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cbcr.yaml").write_text(
        "sources: {logs: {tool: cbcr, every: 1s, feeds: [{kind: job_log, file: jobs.jsonl}]}}\n"
    )
    (tmp_path / "inventory.yaml").write_text(
        "instances: [{id: orders, db_type: postgresql, team: t, tier: 1, rpo: 1h, rto: 1h}]\n"
    )
    (tmp_path / "jobs.jsonl").write_text(json.dumps(EVENT) + "\n")
    return tmp_path


@pytest.mark.slow
def test_a_cold_pull_without_news_loads_nothing_heavy(folder: Path) -> None:
    first, loaded = pulled(folder)
    assert (first["changed"], loaded[0]) == (1, "0")
    assert {"polars", "duckdb"} <= set(loaded)  # so the test sees what is loaded
    time.sleep(1)  # so that the log is looked at
    idle, loaded = pulled(folder)
    assert (idle["files"], loaded) == (0, ["0"])
    with (folder / "jobs.jsonl").open("a") as log:
        log.write(json.dumps(EVENT | {"run_id": "r2"}) + "\n")
    time.sleep(1)  # so that it is due again
    assert pulled(folder)[0]["changed"] == 1


@pytest.mark.slow
def test_a_mistake_is_told_in_words_by_the_quick_way_too(folder: Path) -> None:
    (folder / "cbcr.yaml").write_text("sources: {logs: {tool: nonsense}}\n")
    done = subprocess.run(
        [sys.executable, "-c", "from cbcr_assets.cli import main; main()", "pull"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={"CBCR_CONFIG": str(folder / "cbcr.yaml"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr
