"""Measuring one step in a process of its own, and showing what was measured.

Belongs here: wall clock, CPU, peak memory, the machine, the table. Does not belong here: steps.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Measured:
    """What one step took.

    Attributes:
        name: The step.
        records: How many records it dealt with.
        wall_s: By the clock on the wall, seconds.
        cpu_s: Of all threads and ended children, seconds; imports are not counted.
        peak_mib: Most memory that its process ever held, imports included.
    """

    name: str
    records: int
    wall_s: float
    cpu_s: float
    peak_mib: float


def measure(name: str, work: Callable[[], int]) -> Measured:
    """Do some work in this process; it returns how many records it dealt with."""
    wall, cpu = time.perf_counter(), _cpu_s()
    records = work()
    return Measured(name, records, time.perf_counter() - wall, _cpu_s() - cpu, _peak_bytes() / _MIB)


def apart(script: str, *arguments: str) -> Measured:
    """Run `script` with arguments in a fresh process; its last line is a `Measured` as JSON."""
    done = subprocess.run(
        [sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def dump(measured: Measured) -> str:
    """Write what `apart` reads."""
    return json.dumps(asdict(measured))


def machine() -> str:
    """Say what it was measured on, for figures without it mean nothing."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "polars", "dagster"))
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, {packages}; load at the start"
        f" {os.getloadavg()[0]:.1f}"
    )


def table(title: str, rows: Sequence[Measured], baselines: dict[str, str]) -> None:
    """Print a line a step. `baselines` names the step that another one is compared with."""
    by_name = {row.name: row for row in rows}
    print(f"\n{title}")
    heads = f"{'records/s':>10} {'a CPU s':>10} {'CPU s':>7} {'peak MiB':>8}"
    print(f"{'step':34} {heads}  CPU a record against")
    for row in rows:
        base = by_name.get(baselines.get(row.name, ""))
        against = ""
        if base:
            ratio = (row.cpu_s / row.records) / (base.cpu_s / base.records)
            against = f"{ratio:.1f} x {base.name}"
        print(
            f"{row.name:34} {row.records / row.wall_s:10,.0f} {row.records / row.cpu_s:10,.0f}"
            f" {row.cpu_s:7.2f} {row.peak_mib:8,.0f}  {against}"
        )


def _cpu_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss also remembers what the parent held
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
