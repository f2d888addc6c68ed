"""How every engine is measured and what it prints: one JSON object a query.

Belongs here: only the standard library, for an engine may run in a foreign environment.
Does not belong here: queries.

An engine is a script `on_<engine>.py`, called in a process of its own for each query as
`on_<engine>.py FOLDER QUERY NOW_US INSTANCE`. FOLDER holds jobs.parquet and instances.parquet; the
query `prepare` loads them into the engine's own form, the others answer:

- `rpo_now`: age of the newest usable recovery point of each instance, and its status;
- `violations`: exact violation intervals, as their number and their sum in microseconds;
- `history`: every row of one instance.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPEATS = 3
STATUSES = ("ok", "approaching", "breached", "unknown")


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        folder: Data, and the engine's own files.
        query: Which query.
        now_us: The present, microseconds since 1970.
        instance: Whose history.
    """

    folder: Path
    query: str
    now_us: int
    instance: int


@dataclass(frozen=True)
class Query:
    """One query of an engine.

    Attributes:
        run: Run it and return what it found; this is measured.
        digest: Reduce that to figures that all engines must agree on; this is not.
    """

    run: Callable[[], Any]
    digest: Callable[[Any], list[int]]


def question() -> Question:
    """Read the command line."""
    folder, query, now_us, instance = sys.argv[1:5]
    return Question(Path(folder), query, int(now_us), int(instance))


def own_cpu() -> float:
    """Return processor seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_peak() -> float:
    """Return the largest memory of this process so far, MiB."""
    return peak_of("self")


def peak_of(process: int | str) -> float:
    """Return the largest memory of a process so far, MiB; 0 once it has ended.

    Linux only. The maximum that `getrusage` tells begins with that of the parent.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def answer(
    query: Query,
    *,
    cpu: Callable[[], float] = own_cpu,
    peak: Callable[[], float] = own_peak,
    repeats: int = REPEATS,
) -> None:
    """Run a query several times and print the best time of each kind, memory and figures."""
    walls, cpus, found = [], [], None
    for _ in range(repeats):
        begun, used = time.perf_counter(), cpu()
        found = query.run()
        walls.append(time.perf_counter() - begun)
        cpus.append(cpu() - used)
    memory = peak()
    say(wall_s=min(walls), cpu_s=min(cpus), peak_mib=memory, figures=query.digest(found))


def say(**facts: object) -> None:
    """Print the one JSON object."""
    print(json.dumps(facts))


def status_figures(rows: list[tuple[str, int | None]]) -> list[int]:
    """Reduce (status, age in microseconds) of each instance to counts by status and summed age."""
    counts = [sum(status == wanted for status, _ in rows) for wanted in STATUSES]
    return [*counts, sum(int(age) for _, age in rows if age is not None)]
