"""The analytics lane without Dagster: dbt in a child process, and publishing.

Belongs here: how dbt is called for this platform, and when its manifest is out of date.
Does not belong here: models (dbt_project), assets (see `cbcr_assets.assets.transform`).
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cbcr_assets.steps.definitions import sync_definitions
from cbcr_assets.steps.health_model import sync_health_model
from cbcr_assets.steps.platform import DBT_PROJECT, Platform
from cbcr_assets.warehouse import Snapshot, WarehouseError

NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""Unit tests prove the models to their authors, not the data: the project's own tests run them."""


@dataclass(frozen=True)
class BuildReport:
    """What one dbt invocation said.

    Attributes:
        ok: Every model was built and every test passed.
        output: What dbt printed.
    """

    ok: bool
    output: str


def dbt_environment(platform: Platform) -> dict[str, str]:
    """Return the environment in which dbt finds this platform's warehouse and writes its files."""
    return {
        **platform.environ,
        "CBCR_WAREHOUSE": str(platform.config.warehouse),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(platform.dbt_target),
        "DBT_LOG_PATH": str(platform.home / "logs" / "dbt"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
    }


def dbt(platform: Platform, arguments: Sequence[str]) -> BuildReport:
    """Run dbt in a process of its own: its import and its lock end with it.

    Args:
        platform: Whose warehouse is built.
        arguments: Command and options, such as `["build", "--full-refresh"]`.
    """
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments]
    command += ["--project-dir", str(DBT_PROJECT)]
    done = subprocess.run(
        command,
        env=dbt_environment(platform),
        cwd=platform.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return BuildReport(done.returncode == 0, done.stdout)


def prepare(platform: Platform) -> None:
    """Bring schema and health model to today's, so that dbt finds its sources and its clock.

    The versions of the definitions that are about to be built are kept beside them.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    platform.home.mkdir(parents=True, exist_ok=True)
    with platform.warehouse.write() as session:
        sync_health_model(platform, session)
        sync_definitions(session)


def build(
    platform: Platform, *, full_refresh: bool = False, as_of: datetime | None = None
) -> BuildReport:
    """Build all models once and run their tests.

    Args:
        platform: Whose warehouse is built.
        full_refresh: Make incremental models anew.
        as_of: The moment that `cbcr_now()` gives, naive UTC; None is the present.
    """
    prepare(platform)
    arguments = ["build", *NO_UNIT_TESTS]
    if full_refresh:
        arguments.append("--full-refresh")
    if as_of is not None:
        arguments += ["--vars", f"{{cbcr_as_of: '{as_of.isoformat(sep=' ')}'}}"]
    return dbt(platform, arguments)


def is_built(platform: Platform) -> bool:
    """Say whether the models that this version brings were ever built here."""
    marker = platform.home / "built"
    return marker.is_file() and marker.read_text(encoding="utf-8") == _models_digest()


def mark_built(platform: Platform) -> None:
    """Remember that the models of this version were built."""
    (platform.home / "built").write_text(_models_digest(), encoding="utf-8")


def _models_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(DBT_PROJECT.rglob("*.sql")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def publish(platform: Platform, *, now: datetime) -> Snapshot:
    """Publish the warehouse for its readers."""
    return platform.warehouse.publish(now=now)


def ensure_manifest(platform: Platform) -> Path:
    """Return dbt's manifest, made anew when the project's files are newer.

    Raises:
        WarehouseError: dbt cannot parse the project; the message is dbt's.
    """
    manifest = platform.dbt_target / "manifest.json"
    if manifest.is_file() and manifest.stat().st_mtime > _newest(DBT_PROJECT):
        return manifest
    platform.home.mkdir(parents=True, exist_ok=True)
    report = dbt(platform, ["parse", "--quiet"])
    if not report.ok:
        raise WarehouseError(f"dbt cannot parse {DBT_PROJECT}: {report.output}")
    return manifest


def _newest(folder: Path) -> float:
    newest = 0.0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"target", "logs"}]
        newest = max([newest, *(Path(root, name).stat().st_mtime for name in files)])
    return newest
