"""A real PostgreSQL, backed up by a real pgBackRest, watched by a real `dagster dev`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.e2e
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
RPO = timedelta(seconds=60)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def drop_drill(config: Path, drill: Any) -> None:
    """Leave the drill's record where a drill runner would: complete, or not at all."""
    now = stamp(datetime.now(UTC))
    record = {
        "id": "drill-1", "instance": "orders-db", "purpose": "drill", "target_at": drill.target_at,
        "recovered_to_at": drill.target_at, "requested_at": stamp(drill.requested_at),
        "started_at": stamp(drill.started_at), "restored_at": stamp(drill.restored_at),
        "recovered_at": stamp(drill.recovered_at), "verified_at": stamp(drill.verified_at),
        "state": "succeeded", "verification": "passed", "checks": {"rows": drill.rows},
    }  # fmt: skip
    envelope = {
        "source_id": "drills", "tool": "cbcr", "host": "lab", "tz": "UTC", "rc": 0,
        "started_at": now, "finished_at": now, "payload": record,
    }  # fmt: skip
    folder = config.parent / "inbox" / "drills" / "drill"
    partial = folder / "20260101T000000Z-drill.json.tmp"
    partial.write_text(json.dumps(envelope))
    partial.rename(folder / "20260101T000000Z-drill.json")


def rows(platform: Any, query: str) -> list[dict[str, Any]]:
    done = platform.cbcr("sql", query, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


@pytest.fixture
def watched(lab: Any, platforms: ModuleType, tmp_path: Path) -> Any:
    lab.backup("full")
    lab.archive_now()
    with platforms.stub_slack() as slack:
        config = platforms.write_config(
            tmp_path / "home", conf=lab.config, log=lab.root / "log", slack=slack.url,
            rpo=f"{RPO.total_seconds():.0f}s",
        )  # fmt: skip
        with platforms.running_platform(config) as platform:
            yield lab, slack, platform
        assert not [
            process.cmdline() for process in psutil.process_iter(["cmdline"])
            if str(config.parent) in " ".join(process.info["cmdline"] or [])
        ]  # fmt: skip


def test_from_a_failing_backup_to_a_verified_restore(watched: Any, platforms: ModuleType) -> None:
    lab, slack, platform = watched

    assert lab.failing_backup() == 56
    failed_at = lab.last_log_line_at()
    arrived, message = slack.wait("backup_failed", "orders-db", timeout_s=60)
    text = json.dumps(message)
    assert "056" in text
    assert failed_at.strftime("%H:%M") in text
    print(f"log line to Slack: {(arrived - failed_at).total_seconds():.1f} s")

    lab.backup("incr")
    repaired_at = datetime.now(UTC)
    slack.wait_after(repaired_at, "Resolved backup_failed", timeout_s=90)
    assert len(slack.matching("backup_failed", "chat.postMessage")) <= 2

    # On a slow machine the full backup aged beyond the objective before the repair, and told so.
    newest = lab.last_backup_stop()
    broken_at = newest + RPO
    arrived, _ = slack.wait(
        "rpo breached", "orders-db would lose", f"{newest:%Y-%m-%d %H:%M:%SZ}", timeout_s=150
    )
    late = (arrived - broken_at).total_seconds()
    print(f"silence: told {late:.1f} s after the objective was broken")
    assert 0 <= late <= 45

    drill = lab.drill()
    drop_drill(platform.config, drill)
    ledger = platform.config.parent / "inbox" / "drills" / "drill"
    platforms.wait_until(lambda: not list(ledger.glob("*.json")), 60, "the drill is pulled")
    build = platform.launch_build()
    platforms.wait_until(lambda: platform.run_status(build) in ENDED, 180, "dbt has built")
    assert platform.run_status(build) == "SUCCESS"
    found = rows(platform, "select rto_s, verification, meets_rto from marts.fct_restore_drills"
                 " where purpose = 'drill'")  # fmt: skip
    measured = (drill.verified_at - drill.requested_at).total_seconds()
    assert [row["verification"] for row in found] == ["passed"]
    assert found[0]["rto_s"] == pytest.approx(measured, abs=1e-3)
    states = rows(platform, "select state, count(*) as n from marts.fct_backup_attempts group by 1")
    assert {row["state"]: row["n"] for row in states} == {"succeeded": 2, "failed": 1}
