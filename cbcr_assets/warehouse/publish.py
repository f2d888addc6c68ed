"""Published snapshots: immutable copies of the live file that everybody may read.

Belongs here: versions, the atomic pointer, pruning, and how a reader opens one.
Does not belong here: the live file (only a writer opens it), how an old copy is renewed (see
`renew`), or queries.

A new name for every version: DuckDB's instance cache is keyed by path, so a replaced file would go
on serving old data in the same process.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from cbcr_assets.warehouse.base import Snapshot, WarehouseError, WarehouseMissing
from cbcr_assets.warehouse.renew import renew
from cbcr_assets.warehouse.settings import settle

_POINTER = "CURRENT"
_NOTHING = (
    "nothing was published yet: run `cbcr pull`, `cbcr build` and `cbcr publish`, or `make demo`"
)


def publish(live: Path, serving: Path, *, keep: int, now: datetime) -> Snapshot:
    """Copy a checkpointed live file to the next version and move the pointer to it.

    Args:
        live: The live file; the caller holds its write lock and has checkpointed it.
        serving: Folder of the snapshots.
        keep: Versions to keep, the new one included.
        now: Publishing time, naive UTC.

    Raises:
        WarehouseError: The copy failed; the pointer still shows the version before.
    """
    serving.mkdir(parents=True, exist_ok=True)
    version = max(_versions(serving), default=0) + 1
    target = _file(serving, version)
    partial = target.with_suffix(".partial")
    try:
        _copy(live, partial, spare=_spare(serving, keep=keep))
        partial.replace(target)
        os.utime(target, (now.replace(tzinfo=UTC).timestamp(),) * 2)
        _point(serving, version)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WarehouseError(
            f"publishing version {version} to {serving} failed: {error};"
            " readers keep the version before"
        ) from error
    _prune(serving, keep=keep)
    return Snapshot(version, target, now)


def _spare(serving: Path, *, keep: int) -> Path | None:
    """Return the newest snapshot that goes when another comes; never the one to be read now."""
    versions = _versions(serving)
    return _file(serving, versions[-keep]) if 1 < keep <= len(versions) else None


def _copy(live: Path, partial: Path, *, spare: Path | None) -> None:
    if spare is not None and renew(live, spare, partial):
        return
    shutil.copyfile(live, partial)
    _fsync(partial)


def current(serving: Path) -> Snapshot:
    """Return the newest published snapshot.

    Raises:
        WarehouseMissing: There is none; the message says how to make one.
    """
    try:
        version = int((serving / _POINTER).read_text(encoding="utf-8"))
        path = _file(serving, version)
        published_at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    except (OSError, ValueError):
        raise WarehouseMissing(f"{_NOTHING} (looked in {serving})") from None
    return Snapshot(version, path, published_at)


def published(serving: Path) -> list[Snapshot]:
    """Return the snapshots that are kept, the newest first; none where nothing was published."""
    found = []
    for version in reversed(_versions(serving)):
        path = _file(serving, version)
        try:
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
        except OSError:
            continue  # pruned while we looked
        found.append(Snapshot(version, path, at))
    return found


def connect(path: Path, *, as_of: datetime | None = None) -> duckdb.DuckDBPyConnection:
    """Open a snapshot read-only, with UTC as the session's zone.

    Args:
        path: The snapshot's file.
        as_of: The moment that `cbcr_now()` gives, naive UTC; None is the present.
    """
    con = duckdb.connect(str(path), read_only=True)
    settle(con)
    if as_of is not None:
        con.execute(f"set variable cbcr_as_of = timestamp '{as_of.isoformat(sep=' ')}'")
    return con


def _file(serving: Path, version: int) -> Path:
    return serving / f"warehouse-{version}.duckdb"


def _versions(serving: Path) -> list[int]:
    names = (path.stem.removeprefix("warehouse-") for path in serving.glob("warehouse-*.duckdb"))
    return sorted(int(name) for name in names if name.isdigit())


def _point(serving: Path, version: int) -> None:
    partial = serving / f"{_POINTER}.partial"
    partial.write_text(f"{version}\n", encoding="utf-8")
    _fsync(partial)
    partial.replace(serving / _POINTER)


def _prune(serving: Path, *, keep: int) -> None:
    for version in _versions(serving)[: -max(keep, 1)]:
        _file(serving, version).unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
