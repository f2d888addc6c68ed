"""Real pg_dump through the job wrapper into real restic and borg repositories."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
CBCR = [sys.executable, "-c", "from cbcr_assets.cli import main; main()"]
CONFIG = """
sources:
  jobs:
    tool: cbcr
    feeds: [{drop: inbox}]
  vault:
    tool: restic
    every: 5s
    names_are_instance_ids: true
    feeds: [{kind: snapshots, command: [restic, snapshots, --json]}]
  attic:
    tool: borg
    every: 5s
    timezone: America/New_York
    names_are_instance_ids: true
    feeds: [{kind: list, command: [borg, list, --json]}]
"""
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, rpo: 1d, rto: 4h, log_archiving: false}
"""
Cbcr = Callable[..., Any]


@pytest.fixture
def vault(tools: ModuleType, tmp_path: Path) -> Any:
    try:
        return tools.Vault(tmp_path)
    except tools.MissingTool as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def cbcr(vault: Any, tmp_path: Path) -> Cbcr:
    """Run a command of CBCR as a user does; its exit code and output."""
    (tmp_path / "cbcr.yaml").write_text(CONFIG)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "alerting.yaml").write_text(
        "receivers: [{name: console, type: console}]\nroute: {receiver: console}\n"
    )

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [*CBCR, *words], cwd=tmp_path, env=vault.env, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def wrap(cbcr: Cbcr) -> Cbcr:
    """Back up through `cbcr run-job`; the wrapper's exit code."""

    def run(tool: str, *words: str) -> int:
        code, text = cbcr("run-job", "--instance", "orders", "--tool", tool, "--", *words)
        print(text)
        return int(code)

    return run


@pytest.fixture
def scrape(
    tools: ModuleType, platforms: ModuleType, vault: Any, tmp_path: Path
) -> Iterator[Callable[[str], Any]]:
    """Let a real Prometheus scrape `cbcr metrics serve`; the result of a query."""
    started: list[Any] = []

    def ask(query: str) -> Any:
        ports = [platforms.free_port() for _ in range(3)]
        serve = [*CBCR, "metrics", "serve", "--port", str(ports[2])]
        started.append(subprocess.Popen(serve, cwd=tmp_path, env=vault.env))
        target = f"127.0.0.1:{ports[2]}"
        monitoring = tools.Monitoring(tmp_path, ports=(ports[0], ports[1]), targets=(target,))
        started.append(monitoring)
        return json.loads(monitoring.wait_for(query))["data"]["result"]

    yield ask
    codes = []
    for process in started:
        if isinstance(process, subprocess.Popen):
            process.terminate()
            codes.append(process.wait(30))
        else:
            process.stop()
    assert not any(codes)


def test_a_dump_that_dies_is_no_backup_though_its_tool_was_content(
    lab: Any, vault: Any, cbcr: Cbcr, wrap: Cbcr, scrape: Callable[[str], Any]
) -> None:
    begun = datetime.now(UTC)
    dump = ("pg_dump", "-h", str(lab.root / "sock"), "-p", str(lab.port), "-U", "postgres")
    died = ("sh", "-c", f"{' '.join(dump)} | head -c 2000; exit 3")
    restic = ("restic", "backup", "--json", "--stdin", "--tag", "instance=orders")
    borg = ("borg", "create", "--json", "::orders-{utcnow:%Y%m%dT%H%M%SZ}", "-")

    assert wrap("restic", *dump, "--pipe", *restic) == 0
    assert wrap("restic", *died, "--pipe", *restic) == 3
    assert wrap("borg", *dump, "--pipe", *borg) == 0
    assert wrap("borg", *dump, "--pipe", "borg", "create", "--json", "/nowhere::x", "-") == 2

    listed = json.loads(vault.run("restic", "snapshots", "--json"))
    good, bad = sorted(listed, key=lambda snapshot: snapshot["time"])
    for step in ("pull", "build", "publish"):
        code, text = cbcr(step)
        assert code == 0, text
    told = points(cbcr)
    assert told[bad["id"]]["unusable_reason"] == "failed_run"
    assert told[bad["id"]]["usable_from"] == told[bad["id"]]["usable_until"]
    assert told[good["id"]]["usable_until"] is None
    (archive,) = (point for label, point in told.items() if label.startswith("orders-"))
    assert archive["usable_until"] is None
    # Written under New York's clock and read as UTC.
    for label in (good["id"], archive["label"]):
        made = datetime.fromisoformat(told[label]["recovery_point_at"])
        # borg tells whole seconds
        assert -1 < (made - begun).total_seconds() < 120
    assert attempts(cbcr) == [
        ("borg", "failed", None),
        ("borg", "succeeded", archive["label"]),
        ("restic", "failed", bad["id"][:8]),
        ("restic", "succeeded", good["id"][:8]),
    ]
    (series,) = scrape("cbcr_rpo_exposure_seconds")
    assert series["metric"]["instance_id"] == "orders"
    newest = max(datetime.fromisoformat(told[x]["recovery_point_at"]) for x in usable(told))
    exposure = (datetime.now(UTC) - newest).total_seconds()
    assert float(series["value"][1]) == pytest.approx(exposure, abs=10)


def usable(told: dict[str, dict[str, Any]]) -> list[str]:
    return [label for label, point in told.items() if point["unusable_reason"] is None]


def points(cbcr: Cbcr) -> dict[str, dict[str, Any]]:
    rows = ask(cbcr, "select * from marts.fct_recovery_points")
    return {row["label"]: row for row in rows}


def attempts(cbcr: Cbcr) -> list[tuple[str, str, str | None]]:
    rows = ask(cbcr, "select * from marts.fct_backup_attempts order by tool, state")
    return [
        (row["tool"], row["state"], row["backup_label"] and short(row["backup_label"]))
        for row in rows
    ]


def short(label: str) -> str:
    """Newer versions of restic say the whole id."""
    return label[:8] if len(label) == 64 else label


def ask(cbcr: Cbcr, query: str) -> list[dict[str, Any]]:
    code, text = cbcr("sql", query, "--format", "json")
    assert code == 0, text
    return list(json.loads(text))
