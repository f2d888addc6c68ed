"""Sources and feeds of cbcr.yaml: the tools CBCR reads, and which keys go together.

Belongs here: the table of tools, the values that only feeds have, and rules that join keys.
Does not belong here: reading a feed (see `cbcr_assets.connectors.transports`).
"""

import glob
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from cbcr_assets.config.document import Document, KeyPath, Problem, Refused, closest, shown

# What each tool leaves behind. A new tool is one line here and one connector module.
TOOLS: dict[str, frozenset[str]] = {
    "aws_backup": frozenset({"backup_jobs", "restore_jobs", "recovery_points"}),
    "bacula": frozenset({"jobs"}),
    "barman": frozenset({"backups", "backup", "backup_info", "status", "log"}),
    "borg": frozenset({"list", "info", "create", "check"}),
    "cbcr": frozenset({"catalog", "job_log", "drill"}),
    "mariadb": frozenset({"history", "info", "log", "binlogs"}),
    "pgbackrest": frozenset({"info", "backup_log", "restore_log", "expire_log", "verify_log"}),
    "openmetrics": frozenset({"metrics"}),
    "postgresql": frozenset({"archiver"}),
    "prometheus": frozenset({"storage", "network", "queue", "workers"}),
    "restic": frozenset({"snapshots", "backup", "forget", "check"}),
    "velero": frozenset({"backups", "restores"}),
    "walg": frozenset({"backups", "wal_verify"}),
}
# Only CBCR's own tables are read by SQL, and there is none for drills.
SQL_KINDS = frozenset({"catalog", "job_log"})
SQL_DIALECTS = ("postgresql", "sqlite")

_TRANSPORTS = ("drop", "objects", "command", "file", "sql", "http")
# Their files are in a folder for each kind.
_OF_ALL_KINDS = frozenset({"drop", "objects"})
_FEED_KEYS = frozenset({*_TRANSPORTS, "kind", "timeout", "bearer", "ca_file"})
_EITHER = "one of drop, objects, command, file, sql or http"
_PASSWORD = re.compile(r"://[^/@]*:[^@]+@|[?&](?:[a-z]*password|passwd|pwd)=", re.IGNORECASE)
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(?:\+[A-Za-z0-9_]+)?://.*", re.DOTALL)
_OBJECTS = re.compile(r"[a-z][a-z0-9+]*://[^\s?#]+")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:(?!//).+")
_SQLITE = "sqlite:///"


def _command(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        words = ", ".join(shlex.split(value))
    except ValueError:
        words = ""
    raise Refused(
        "a command is a list, for it is run without a shell",
        suggestion=f"[{words}]" if words else None,
    )


def _program(value: tuple[str, ...]) -> tuple[str, ...]:
    if value and not value[0].strip():
        raise Refused("the command's first word is the program; it must not be empty")
    return value


def _sql_address(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f"expected a database address, not {shown(value)}")
    if _REFERENCE.fullmatch(value):
        return value
    # The address is never repeated: it may be the very thing that must not be shown.
    if _PASSWORD.search(value):
        raise Refused(
            "this address holds a password, and secrets are references: put the whole address"
            " into a variable, and its name here",
            suggestion="env:CBCR_SQL_URL",
        )
    found = _ADDRESS.fullmatch(value)
    if found is None:
        raise Refused(
            "not a database address; write env:NAME, file:PATH, sqlite:///jobs.db or"
            " postgresql://user@host/database"
        )
    dialect = found[1].lower()
    if dialect not in SQL_DIALECTS:
        message = f"{dialect!r} databases cannot be read; {' and '.join(SQL_DIALECTS)} can"
        raise Refused(message, suggestion=closest(dialect, SQL_DIALECTS))
    return value


def _objects_address(value: Any) -> str:
    if not isinstance(value, str) or not _OBJECTS.fullmatch(value):
        raise Refused("expected the address of a prefix, such as s3://bucket/inbox")
    if _PASSWORD.search(value) or "@" in value.split("://", 1)[1].split("/", 1)[0]:
        raise Refused(
            "this address holds credentials; they belong into the environment of the object store's"
            " own library"
        )
    return value


def _http_address(value: Any) -> str:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not value.isprintable():
        raise Refused("expected an address, such as https://backup01.example.com/catalog.json")
    # The address is never repeated: it may hold what must not be shown.
    if "@" in parts.netloc or _PASSWORD.search(value):
        message = "this address holds credentials, and secrets are references: write bearer"
        raise Refused(message, suggestion="bearer: env:CBCR_HTTP_TOKEN")
    return str(value)


def _bearer_reference(value: Any) -> str:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        message = "a token is never written here; say where it is: env:NAME or file:PATH"
        raise Refused(message, suggestion="env:CBCR_HTTP_TOKEN")
    return value


HttpAddress = Annotated[str, BeforeValidator(_http_address)]
BearerReference = Annotated[str, BeforeValidator(_bearer_reference)]
ObjectsAddress = Annotated[str, BeforeValidator(_objects_address)]
Command = Annotated[
    tuple[str, ...], Field(min_length=1), BeforeValidator(_command), AfterValidator(_program)
]
SqlAddress = Annotated[str, BeforeValidator(_sql_address)]


def written_glob(root: Path, pattern: str) -> str:
    """Return a pattern as it is meant beside the file that names it."""
    return pattern if Path(pattern).is_absolute() else f"{glob.escape(str(root))}/{pattern}"


def sql_beside(root: Path, address: str) -> str:
    """Return an address whose files are meant beside the file that names it."""
    if address.startswith("file:"):
        return f"file:{root / address.removeprefix('file:')}"
    if address.startswith(_SQLITE):
        return f"{_SQLITE}{root / address.removeprefix(_SQLITE)}"
    return address


def source_problems(document: Document) -> Iterator[Problem]:
    """Find unknown tools, and ids that are one and the same in Dagster or on some disks."""
    known = sorted(TOOLS)
    for path, tool in document.find("sources", ..., "tool"):
        if isinstance(tool, str) and tool not in TOOLS:
            message = f"{shown(tool)} is not a tool that CBCR reads; it reads {', '.join(known)}"
            yield document.problem(path, message, closest(tool, known))
    alike: dict[str, str] = {}
    for path, _ in document.find("sources", ...):
        name = str(path[-1])
        other = alike.setdefault(re.sub(r"[^a-z0-9]", "_", name.lower()), name)
        if other != name:
            message = f"too much like {other!r}: sensors and folders could not be told apart"
            yield document.problem(path, message)


def feed_problems(document: Document) -> Iterator[Problem]:
    """Find feeds with no or several transports, with a wrong kind, or written twice."""
    for path, feed in document.find("sources", ..., "feeds", ...):
        if isinstance(feed, dict):
            yield from _transport_problems(document, path, feed)
            yield from _kind_problems(document, path, feed)
            yield from _http_problems(document, path, feed)
            yield from _twice(document, path, feed)


def _transport_problems(document: Document, path: KeyPath, feed: Any) -> Iterator[Problem]:
    given = [name for name in _TRANSPORTS if feed.get(name) is not None]
    # An unknown key is told about already, and is probably the one that was meant.
    if not given and feed.keys() <= _FEED_KEYS:
        yield document.problem(path, f"a feed needs {_EITHER}")
    if len(given) > 1:
        yield document.problem(path, f"a feed has {_EITHER}, not {' and '.join(given)}")
    if len(given) == 1 and given[0] in _OF_ALL_KINDS and feed.get("kind") is not None:
        message = f"{given[0]} feeds have no kind: their folders name them"
        yield document.problem((*path, "kind"), message)
    if (
        given
        and _OF_ALL_KINDS.isdisjoint(given)
        and feed.get("kind") is None
        and feed.keys() <= _FEED_KEYS
    ):
        article = "an" if given[0] == "http" else "a"
        yield document.problem((*path, "kind"), f"{article} {given[0]} feed needs a kind")


def _kind_problems(document: Document, path: KeyPath, feed: Any) -> Iterator[Problem]:
    tool, kind = document.get((*path[:2], "tool")), feed.get("kind")
    if not isinstance(tool, str) or tool not in TOOLS or not isinstance(kind, str):
        return
    kinds = sorted(TOOLS[tool])
    where = (*path, "kind")
    if kind not in kinds:
        message = f"{tool} has no kind {shown(kind)}; it has {', '.join(kinds)}"
        yield document.problem(where, message, closest(kind, kinds))
    elif feed.get("sql") is not None and kind not in SQL_KINDS:
        message = f"{kind} is not read by SQL; {' and '.join(sorted(SQL_KINDS))} of tool cbcr are"
        yield document.problem(where, message)


def _http_problems(document: Document, path: KeyPath, feed: Any) -> Iterator[Problem]:
    address = feed.get("http")
    for key in ("bearer", "ca_file"):
        if feed.get(key) is not None and address is None:
            yield document.problem((*path, key), f"{key} is for http feeds")
    plain = isinstance(address, str) and re.match(
        r"(?i)http://(?!127\.|localhost|\[::1\])", address
    )
    if plain and feed.get("bearer") is not None:
        message = "a token must not travel in the clear; use https"
        yield document.problem((*path, "http"), message)


def _twice(document: Document, path: KeyPath, feed: Any) -> Iterator[Problem]:
    index = path[-1]
    for other, earlier in document.find(*path[:-1], ...):
        same = isinstance(earlier, dict) and all(
            earlier.get(key) == feed.get(key) for key in ("kind", *_TRANSPORTS)
        )
        if other[-1] == index:
            return
        if same:
            message = f"the same feed as in line {document.line(other)}"
            yield document.problem(path, message)
            return
