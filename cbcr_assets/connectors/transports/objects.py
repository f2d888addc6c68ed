"""Object storage: envelope files below a prefix, such as `s3://bucket/inbox`.

Belongs here: which objects are new, and fetching them. Does not belong here: reading an envelope
(see `envelope`), or any object store's own protocol: fsspec speaks them all.

The prefix has the shape of a drop folder: `PREFIX/<source_id>/<kind>/<file>`. Objects appear whole,
so nothing has to be renamed. They are left where they are; a life-cycle rule clears them away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cbcr_assets.connectors.transports.answer import Answer, WholeFile
from cbcr_assets.connectors.transports.text import redact

_LARGEST_BYTES = 256 * 1024 * 1024
_AT_ONCE_BYTES = 64 * 1024 * 1024
_AT_ONCE = 500
_LASTING = (FileNotFoundError, PermissionError, NotADirectoryError, ValueError)
_MARKS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")


@dataclass(frozen=True)
class _Object:
    """One object as it was listed."""

    path: str
    kind: str
    name: str
    size: int
    mark: str


def read_objects(address: str, *, source_id: str, cursor: Mapping[str, Any]) -> Answer:
    """Fetch the objects of a source that were not fetched before, oldest name first.

    Args:
        address: URL of the prefix; credentials come from the store's own environment.
        source_id: Whose objects.
        cursor: What was fetched: `seen`, path to size and mark. Objects that are gone leave it.
    """
    try:
        import fsspec

        store, root = fsspec.core.url_to_fs(address)
        listed = _listed(store, root, source_id)
        seen = cursor.get("seen", {})
        known = {one.path: seen[one.path] for one in listed if one.path in seen}
        new = [one for one in listed if known.get(one.path) != one.mark]
        files, problems = _fetched(store, new, known)
    except ImportError as error:
        return Answer(error=f"objects {address}: {error}", cursor=cursor)
    except Exception as error:  # noqa: BLE001 - each store raises its own; all mean: not readable
        reason = redact(f"{type(error).__name__}: {error}")
        return Answer(
            error=f"objects {address} cannot be read: {reason}",
            cursor=cursor,
            transient=not isinstance(error, _LASTING),
        )
    return Answer(files=tuple(files), cursor={"seen": known}, error="; ".join(problems) or None)


def _listed(store: Any, root: str, source_id: str) -> list[_Object]:
    prefix = f"{root.rstrip('/')}/{source_id}"
    if not store.exists(prefix):
        store.ls(_bucket(root))  # a prefix without objects does not exist; its bucket must
        return []
    found = []
    for path, info in store.find(prefix, detail=True).items():
        inside = PurePosixPath(path.removeprefix(prefix).lstrip("/")).parts
        name = inside[-1] if inside else ""
        if len(inside) > 2 or not name or name.startswith(".") or name.endswith(".tmp"):
            continue
        size = int(info.get("size") or 0)
        mark = next((str(info[key]) for key in _MARKS if info.get(key)), "")
        kind = inside[0] if len(inside) == 2 else ""
        found.append(_Object(path, kind, name, size, f"{size}:{mark}"))
    return sorted(found, key=lambda one: (one.name, one.kind))


def _bucket(root: str) -> str:
    slash = "/" if root.startswith("/") else ""
    return slash + root.lstrip("/").split("/", 1)[0]


def _fetched(
    store: Any, new: list[_Object], known: dict[str, str]
) -> tuple[list[WholeFile], list[str]]:
    """Fetch some now, the rest with the next reading; mark in `known` what was dealt with."""
    files: list[WholeFile] = []
    problems = []
    room = _AT_ONCE_BYTES
    for one in new[:_AT_ONCE]:
        if one.size > _LARGEST_BYTES:
            problems.append(f"{one.path} has {one.size} bytes, the most is {_LARGEST_BYTES}")
            continue
        if files and one.size > room:
            break
        data: bytes = store.cat_file(one.path)
        files.append(WholeFile(one.kind, one.name, data))
        known[one.path] = one.mark
        room -= len(data)
    return files, problems
