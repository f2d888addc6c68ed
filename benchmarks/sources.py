"""A thousand sources, some of which hang: what a pull, an idle pull and an idle tick cost.

Usage: python benchmarks/sources.py [--sources 1000] [--hanging 20]

Half of the sources are log files, the rest commands. Of the hanging ones half are commands that
sleep, half an HTTP server that accepts and never answers; each gives up after its own 20 s.
Belongs here: the fleet and the steps. Does not belong here: the table (see `measure`).
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import apart, dump, machine, measure, table

EVENT = {
    "event": "backup", "run_id": "r1", "instance": "orders", "type": "full", "rc": 0,
    "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:10:00Z",
}  # fmt: skip
INVENTORY = """
instances:
  - {id: orders, db_type: postgresql, team: payments, tier: 1, rpo: 1h, rto: 1h}
"""
ALERTING = "route: {receiver: log}\nreceivers: [{name: log, type: file, path: alerts.jsonl}]\n"


def prepare(folder: Path, count: int, *, hanging: int, port: int) -> None:
    """Write the configuration, and what the healthy sources have to say."""
    folder.mkdir()
    lines = ["sources:"]
    for number in range(count):
        said = folder / f"{number}.said"
        if number < hanging:
            feed = (
                f'{{kind: catalog, http: "http://127.0.0.1:{port}/"}}' if number % 2
                else "{kind: catalog, command: [sleep, '600']}"
            )  # fmt: skip
        elif number % 2:
            said.write_text(json.dumps(EVENT) + "\n", encoding="utf-8")
            feed = f"{{kind: job_log, file: {said}}}"
        else:
            said.write_text('{"backups": []}', encoding="utf-8")
            feed = f"{{kind: catalog, command: [cat, {said}]}}"
        lines += [f"  s{number:04d}:", "    tool: cbcr", f"    feeds: [{feed}]"]
    (folder / "cbcr.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    (folder / "alerting.yaml").write_text(ALERTING, encoding="utf-8")


def pull_sources(folder: Path, *, later_s: float = 0) -> Callable[[], int]:
    """Do what `cbcr pull` does, and say when the healthy sources were in the warehouse."""
    from cbcr_assets.cli import pull
    from cbcr_assets.steps import watch
    from cbcr_assets.steps.platform import open_platform

    platform = open_platform(environment(folder))
    present = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=later_s)
    pull.now_utc = lambda: present
    watch.sync_inventory(platform, now=present)
    began, healthy_at = time.perf_counter(), []
    whole = watch.pull_source

    def timed(*arguments: object, **facts: object) -> object:
        report = whole(*arguments, **facts)
        if report.ok:
            healthy_at.append(time.perf_counter() - began)
        return report

    watch.pull_source = timed

    def work() -> int:
        reports = pull.pull_all(platform, list(platform.config.sources))
        bad = sum(not report.ok for report in reports)
        at = [f"{healthy_at[len(healthy_at) * share // 100 - 1]:.1f}" for share in (50, 95, 100)
              if healthy_at]  # fmt: skip
        print(f"  {len(reports)} sources, {bad} did not answer; half, 95 % and all of the healthy"
              f" ones that had news were in after {' / '.join(at)} s", file=sys.stderr)  # fmt: skip
        return len(reports)

    return work


def ticks(folder: Path) -> Callable[[], int]:
    """Evaluate every source sensor once, when nothing is due and nothing new."""
    import dagster as dg

    os.environ.update(environment(folder))
    from sensors.definitions import build_defs

    definitions = build_defs()
    sensors = [s for s in definitions.get_repository_def().sensor_defs if "source_" in s.name]
    instance = dg.DagsterInstance.ephemeral()

    def work() -> int:
        for sensor in sensors:
            context = dg.build_sensor_context(
                instance=instance, definitions=definitions,
                resources={"platform": definitions.resources["platform"]},
            )  # fmt: skip
            assert not sensor.evaluate_tick(context).run_requests
        return len(sensors)

    work()
    return work


def one_idle(folder: Path) -> int:
    """Run `cbcr pull` of one source that has nothing new, as a process, imports and all."""
    command = Path(sys.executable).with_name("cbcr")
    subprocess.run([command, "pull", "s0001"], env=os.environ | environment(folder),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)  # fmt: skip
    return 1


def environment(folder: Path) -> dict[str, str]:
    """Return what names the configuration."""
    return {"CBCR_CONFIG": str(folder / "cbcr.yaml"), "PATH": os.environ["PATH"]}


def work_of(step: str, root: Path) -> Callable[[], int]:
    """Return the work of a step, prepared."""
    match step:
        case "pull, all healthy":
            return pull_sources(root / "healthy")
        case "pull again, nothing new":
            return pull_sources(root / "healthy", later_s=60)
        case "tick of all sensors, nothing due":
            return ticks(root / "healthy")
        case "cbcr pull of one, nothing new":
            return lambda: one_idle(root / "healthy")
        case "pull, some hang":
            return pull_sources(root / "hanging")
    raise SystemExit(f"there is no step {step!r}")


STEPS = (
    "pull, all healthy",
    "pull again, nothing new",
    "tick of all sensors, nothing due",
    "cbcr pull of one, nothing new",
    "pull, some hang",
)


def main() -> None:
    """Measure every step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=int, default=1_000)
    parser.add_argument("--hanging", type=int, default=20)
    parser.add_argument("--step", help="one step alone, in this process")
    parser.add_argument("--folder", type=Path, help="where the fleet of --step lies")
    arguments = parser.parse_args()
    if arguments.step:
        print(dump(measure(arguments.step, work_of(arguments.step, arguments.folder))))
        return
    print(machine())
    count = arguments.sources
    with tempfile.TemporaryDirectory(prefix="cbcr-sources-") as name, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(count)
        port = silent.getsockname()[1]
        prepare(Path(name) / "healthy", count, hanging=0, port=port)
        prepare(Path(name) / "hanging", count, hanging=arguments.hanging, port=port)
        rows = [apart(__file__, "--step", step, "--folder", name) for step in STEPS]
        table(f"{count:,} sources (a record is a source; of ticks, a sensor)", rows, {
            "pull again, nothing new": "pull, all healthy",
            "pull, some hang": "pull, all healthy",
        })  # fmt: skip


if __name__ == "__main__":
    main()
