"""dbt as CBCR runs it, in a process of its own: its imports and its files end with it.

Belongs here: what `build` means, and for how long the live warehouse is held meanwhile.
Does not belong here: who asks for it (see `cbcr_assets.steps.analytics` and `transform`).

An alert waits while the live file is written. So a build reads the project first, makes the models
in one turn, and tests them on a copy while others write again. The copy is what is published, and
only when its tests passed. Any other command is dbt's own.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from cbcr_assets.warehouse import FileWarehouse
from cbcr_assets.warehouse.publish import approve
from cbcr_assets.warehouse.turn import turn

_BUILD = "build"
# Unit tests prove the models to their authors, not the data: the project's own tests run them.
_MODELS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
_TESTS = ("--exclude-resource-type", "unit_test")
# What reading the project depends on, each with a value.
_READING = frozenset({"--vars", "--project-dir", "--profiles-dir"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a dbt command; exit 1 when a model or a test failed.

    Args:
        arguments: dbt's own; None: of this process. The environment says which warehouse.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # dbt would import everything to say so.
        sys.stdout.write(f"Core:\n  - installed: {version('dbt-core')}\n")
        return
    if _BUILD not in words:
        from dbt.cli.main import cli

        cli(words)
    at = words.index(_BUILD)
    raise SystemExit(_build(words[:at], words[at + 1 :]))


def _build(flags: Sequence[str], options: Sequence[str]) -> int:
    warehouse = FileWarehouse(
        Path(os.environ["CBCR_WAREHOUSE"]),
        Path(os.environ["CBCR_SERVING"]),
        keep=int(os.environ["CBCR_KEEP_SNAPSHOTS"]),
    )
    # One build at a time: the copy under test is its own.
    with turn(warehouse.path.with_name("build"), who="a build"):
        manifest = _invoke(flags, "parse", _reading(options))
        if not manifest.success:
            return 1
        with warehouse.turn("a build of the models"):
            models = _invoke(flags, _BUILD, [*_MODELS, *options], manifest=manifest.result)
            if models.exception is not None or models.result is None:
                return 1
            staged = warehouse.stage(now=datetime.now(UTC).replace(tzinfo=None))
        os.environ |= {"CBCR_WAREHOUSE": str(staged), "CBCR_WAREHOUSE_ACCESS": "read_only"}
        wanted = [*_TESTS, *(word for word in options if word != "--full-refresh")]
        wanted = _excluding(wanted, _unbuilt(models))
        tests = _invoke(flags, "test", wanted, manifest=manifest.result)
        if not (models.success and tests.success):
            return 1
        approve(staged)
    return 0


def _invoke(
    flags: Sequence[str], command: str, options: Sequence[str], *, manifest: Any = None
) -> Any:
    """Run one command of dbt in this process; the warehouse's file is closed afterwards."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    connections: Any = DuckDBConnectionManager
    try:
        return dbtRunner(manifest=manifest).invoke([*flags, command, *options])
    finally:
        # dbt would keep it open until the end of the process.
        connections.close_all_connections()


def _reading(options: Sequence[str]) -> list[str]:
    """Return the options that change how the project is read."""
    return [word for pair in pairwise(options) if pair[0] in _READING for word in pair]


def _unbuilt(models: Any) -> list[str]:
    """Return the models that failed or were left out for that: there is nothing to test."""
    return [
        result.node.name for result in models.result
        if result.status in ("error", "skipped") and result.node.resource_type == "model"
    ]  # fmt: skip


def _excluding(options: Sequence[str], names: Sequence[str]) -> list[str]:
    words = list(options)
    if not names:
        return words
    if "--exclude" not in words:
        return [*words, "--exclude", *names]
    at = words.index("--exclude") + 1
    return [*words[:at], *names, *words[at:]]
