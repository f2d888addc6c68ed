"""Published snapshots: immutable copies of the live file that everybody may read.

Belongs here: versions, copies under test, the atomic pointer, pruning, and how a reader opens one.
Does not belong here: the live file (only a writer opens it), how an old copy is renewed (see
`renew`), or queries.

A new name for every version: DuckDB's instance cache is keyed by path, so a replaced file would go
on serving old data in the same process.
"""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from cbcr_assets.warehouse.base import Snapshot, WarehouseError, WarehouseMissing
from cbcr_assets.warehouse.renew import renew
from cbcr_assets.warehouse.settings import settle

_POINTER = "CURRENT"
_STAGED, _TESTED = "staged", "tested"
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
    tested = _place(serving, _TESTED, live)
    version, spares = _next(serving), [*_left(tested), *_spares(serving, keep=keep)]
    try:
        _copy(live, _file(serving, version), spares=spares, now=now)
        _point(serving, version)
    except OSError as error:
        raise WarehouseError(
            f"publishing version {version} to {serving} failed: {error};"
            " readers keep the version before"
        ) from error
    tested.unlink(missing_ok=True)  # what is published now is newer
    _prune(serving, keep=keep)
    return Snapshot(version, _file(serving, version), now)


def stage(live: Path, serving: Path, *, keep: int, now: datetime) -> Path:
    """Copy a checkpointed live file to where its tests read it and nobody else.

    Args:
        live: The live file; the caller holds its write lock and has checkpointed it.
        serving: Folder of the snapshots.
        keep: Versions that are kept when this one is published, too.
        now: What the copy shows, naive UTC.

    Raises:
        WarehouseError: The copy failed.
    """
    # Of the same name as the live file, and so of the same catalog.
    staged = _place(serving, _STAGED, live)
    staged.parent.mkdir(parents=True, exist_ok=True)
    spares = [*_left(staged), *_spares(serving, keep=keep)]
    try:
        _copy(live, staged, spares=spares, now=now)
    except OSError as error:
        raise WarehouseError(f"there is no copy to test, {staged} failed: {error}") from error
    return staged


def approve(staged: Path) -> None:
    """Let a staged copy be published: its tests passed."""
    tested = staged.parent.with_name(_TESTED) / staged.name
    tested.parent.mkdir(exist_ok=True)
    staged.replace(tested)


def publish_tested(live: Path, serving: Path, *, keep: int) -> Snapshot | None:
    """Make the copy that passed its tests the next version; None where there is none.

    Raises:
        WarehouseError: It failed; the pointer still shows the version before.
    """
    tested, version = _place(serving, _TESTED, live), _next(serving)
    try:
        tested.replace(_file(serving, version))
        _point(serving, version)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WarehouseError(
            f"publishing {tested} failed: {error}; readers keep the version before"
        ) from error
    _prune(serving, keep=keep)
    return current(serving)


def _place(serving: Path, folder: str, live: Path) -> Path:
    return serving / folder / live.name


def _next(serving: Path) -> int:
    return max(_versions(serving), default=0) + 1


def _left(copy: Path) -> list[Path]:
    """Return the copy of a build before, which was not published."""
    return [copy] if copy.is_file() else []


def _spares(serving: Path, *, keep: int) -> list[Path]:
    """Return the newest snapshot that goes when another comes; never the one to be read now."""
    versions = _versions(serving)
    return [_file(serving, versions[-keep])] if 1 < keep <= len(versions) else []


def _copy(live: Path, target: Path, *, spares: Sequence[Path], now: datetime) -> None:
    """Make `target` equal to `live`, out of a copy that nobody needs any more where there is one.

    Raises:
        OSError: Reading or writing failed; there is no new target.
    """
    partial = target.with_suffix(".partial")
    try:
        if not any(renew(live, spare, partial) for spare in spares):
            shutil.copyfile(live, partial)
            _fsync(partial)
        os.utime(partial, (now.replace(tzinfo=UTC).timestamp(),) * 2)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


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
