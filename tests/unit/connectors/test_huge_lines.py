"""A line of 100 MB: refused or passed over, at a price of memory that is known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cbcr_assets.steps.platform import CODE_ROOT

# Reads a log until there is no news, as `cbcr pull` does; prints what became of it and its peak.
PULL = """
import json, sys
from datetime import datetime, timedelta
from pathlib import Path
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.steps.watch import collect_source, pull_source, sync_inventory
platform = open_platform({"CBCR_CONFIG": sys.argv[1]})
now = datetime.fromisoformat("2026-11-23T05:00:00")
sync_inventory(platform, now=now)
source = platform.config.sources["logs"]
total = {"seen": 0, "rejected": 0, "errors": []}
while True:
    now += timedelta(minutes=1)
    collected = collect_source(platform, source, now=now)
    report = pull_source(platform, "logs", now=now)
    if not report.files:
        break
    total["seen"] += report.seen
    total["rejected"] += report.rejected
    total["errors"] += [*collected.errors, *report.errors]
with platform.warehouse.live(as_of=now) as session:
    total["rows"] = session.rows("select attempt_key, state from raw.backup_jobs order by 1")
    total["rules"] = session.rows("select distinct rule from raw.quarantine")
    total["longest"] = session.rows("select max(length(payload)) from raw.quarantine")[0][0]
    total["carried"] = session.rows("select max(length(carry)) from state.streams")[0][0]
status = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
total["peak_mib"] = int(status) / 1024
print(json.dumps(total))
"""
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, team: payments, tier: 1, rpo: 1h, rto: 1h}
"""
EVENT = {"event": "backup", "instance": "orders", "type": "full", "rc": 0,
         "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:10:00Z"}  # fmt: skip
BACKUP = """-------------------PROCESS START-------------------
2026-11-23 04:00:00.000 P00   INFO: backup command begin 2.45: --exec-id={0}-a --stanza=orders
2026-11-23 04:00:00.400 P00   INFO: new backup label = 20261123-040000F
2026-11-23 04:00:00.500 P00   INFO: backup command end: completed successfully (500ms)
"""
HUGE = 100 * 1024 * 1024


def pulled(folder: Path, tool: str, kind: str, parts: list[str]) -> dict:
    """Pull a log made of these parts in a process of its own."""
    with (folder / "orders-backup.log").open("w") as log:
        log.writelines(parts)
    config = folder / "cbcr.yaml"
    config.write_text(
        f"sources:\n  logs:\n    tool: {tool}\n"
        f"    feeds: [{{kind: {kind}, file: orders-backup.log}}]\n"
    )
    (folder / "inventory.yaml").write_text(INVENTORY)
    done = subprocess.run(
        [sys.executable, "-c", PULL, str(config)],
        cwd=CODE_ROOT, text=True, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells the peak of memory"
)


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("filler", ["x", "[", '\\"'])
def test_of_a_job_log_with_a_huge_line_the_rest_is_read(tmp_path: Path, filler: str) -> None:
    good = [json.dumps(EVENT | {"run_id": f"r{number}"}) + "\n" for number in range(2)]
    huge = '{"run_id": ' + filler * (HUGE // len(filler)) + "\n"
    total = pulled(tmp_path, "cbcr", "job_log", [good[0], huge, good[1]])
    assert total["rows"] == [["r0", "succeeded"], ["r1", "succeeded"]]
    assert total["rejected"] > 0
    assert total["seen"] == total["rejected"] + 2
    assert {rule for (rule,) in total["rules"]} == {"json"}
    assert total["carried"] <= 4 * 1024 * 1024
    assert total["peak_mib"] < 1024


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "count"),
    # 400 are enough to be read by column.
    [("", 1), ("", 400), ("2026-11-23 04:00:00.000 P00   INFO: ", 400)],
)
def test_of_a_backup_log_with_a_huge_line_the_rest_is_read(
    tmp_path: Path, begin: str, count: int
) -> None:
    backups = [BACKUP.format(number) for number in range(2 * count)]
    huge = begin + "[" * HUGE + "\n"
    total = pulled(tmp_path, "pgbackrest", "backup_log", [*backups[:count], huge, *backups[count:]])
    assert sorted(total["rows"]) == sorted(
        [f"orders:{number}-a", "succeeded"] for number in range(2 * count)
    )
    assert total["seen"] == total["rejected"] + 2 * count
    assert total["rejected"] > 0
    assert total["longest"] <= 70_000
    assert total["peak_mib"] < 1024
