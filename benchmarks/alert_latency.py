"""How long from a failing backup's last log line to Slack: measured with the real tools.

Usage: python benchmarks/alert_latency.py [--runs 10] [--behind-build]

A real PostgreSQL and pgBackRest, a real `cbcr up`, a stub Slack over HTTP. Each run fails a
backup, waits for the message, makes a good backup and waits for the resolve. With --behind-build
the backup fails just when dbt has begun to make the models, and so holds the warehouse. Prints a
line a run with the load of the machine, then the parts.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from cbcr_assets.warehouse.turn import holder

BUILD = "a build of the models"
HELPERS = Path(__file__).resolve().parent.parent / "tests" / "end_to_end"
LAST_RUN = """{ runsOrError(filter: {pipelineName: "watch"}, limit: 1) { ... on Runs { results {
  creationTime startTime endTime } } } }"""


def load(name: str) -> ModuleType:
    """Load a helper of the end-to-end tests."""
    spec = importlib.util.spec_from_file_location(f"cbcr_bench_{name}", HELPERS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{HELPERS / name}.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def measure(lab: Any, slack: Any, platform: Any, *, behind_build: bool) -> dict[str, float]:
    """Fail one backup; return seconds from its last log line to each step on the way."""
    if behind_build:
        begin_build(platform)
    lab.failing_backup()
    failed_at = lab.last_log_line_at()
    arrived, _ = slack.wait_after(failed_at, "backup_failed breached", "orders-db", timeout_s=180)
    run = platform.graphql(LAST_RUN)["data"]["runsOrError"]["results"][0]
    created, started = (datetime.fromtimestamp(run[k], UTC) for k in ("creationTime", "startTime"))
    holding = {"the build let go": let_go_at(platform) - failed_at} if behind_build else {}
    lab.backup("incr")
    slack.wait_after(arrived, "Resolved backup_failed: orders-db", timeout_s=180)
    parts = {
        "seen by the sensor": created - failed_at,
        **holding,
        "run started": started - failed_at,
        "at Slack": arrived - failed_at,
    }
    seconds = {part: passed.total_seconds() for part, passed in parts.items()}
    told = ", ".join(f"{part} {took:5.1f} s" for part, took in seconds.items())
    print(f"{told}, load {os.getloadavg()[0]:.0f}", flush=True)
    return seconds


def begin_build(platform: Any) -> None:
    """Launch the build and wait until it holds the warehouse."""
    # A busy webserver answers late, when the build may have let go already.
    threading.Thread(target=launch, args=(platform,), daemon=True).start()
    while not holder(live(platform)).startswith(BUILD):
        time.sleep(0.05)


def launch(platform: Any) -> None:
    """Launch the build; an answer that does not come in time is not needed."""
    with suppress(TimeoutError):
        platform.launch_build()


def let_go_at(platform: Any) -> datetime:
    """Return when the models were made and the warehouse was given back: then a copy is tested."""
    copies = (live(platform).parent.parent / "serving").rglob("*.duckdb")
    return datetime.fromtimestamp(max(copy.stat().st_mtime for copy in copies), UTC)


def live(platform: Any) -> Path:
    """Return the live warehouse."""
    return Path(platform.config).parent / ".cbcr" / "warehouse" / "cbcr.duckdb"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--behind-build", action="store_true")
    arguments = parser.parse_args()
    labs, platforms = load("lab"), load("platform_process")
    folder = Path(tempfile.mkdtemp(prefix="cbcr-latency-"))
    folder.chmod(0o755)
    lab = labs.Lab(folder / "lab", port=platforms.free_port())
    try:
        lab.start()
        lab.backup("full")
        with platforms.stub_slack() as slack:
            config = platforms.write_config(
                folder / "home", conf=lab.config, log=lab.root / "log", slack=slack.url, rpo="1d"
            )
            with platforms.running_platform(config) as platform:
                time.sleep(30)
                results = [
                    measure(lab, slack, platform, behind_build=arguments.behind_build)
                    for _ in range(arguments.runs)
                ]
    finally:
        lab.stop()
        shutil.rmtree(folder)
    for part in results[0]:
        values = [result[part] for result in results]
        print(f"{part}: median {statistics.median(values):.1f} s, worst {max(values):.1f} s")


if __name__ == "__main__":
    main()
