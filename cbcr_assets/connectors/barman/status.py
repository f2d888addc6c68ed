"""Barman's look at its servers: what PostgreSQL's archiver did last.

Belongs here: kind status, to samples of the log archive.
Does not belong here: how far the archive can be restored (tool `postgresql` reads that exactly).

The time of the last archived segment has no offset. It is neither the reader's local time nor that
of Barman's host, but the TimeZone that PostgreSQL gives to Barman's role, which no answer tells. So
it is told as what it is, and no recovery point is made of it: in a wrong zone that would look hours
better than it is. A server that does not answer leaves the archiver out: then there is no sample.
"""

import re
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from cbcr_assets.connectors.barman.catalog import servers_of
from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.record import Harvest, Record, Row
from cbcr_assets.connectors.reading.refusal import Refused, brief

_ARCHIVED = re.compile(r"[0-9A-F]{8,}\S*, at (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})", re.ASCII)
_STAMP = "%a %b %d %H:%M:%S %Y"


def parse_status(envelope: Envelope) -> Parsed:
    """Read `barman -f json status all`: an object of servers, each fact with its message."""
    harvest = Harvest(envelope)
    for server, facts in servers_of(envelope, dict).items():
        if "last_archived_wal" in facts or "failed_count" in facts:
            harvest.take(facts, server, partial(_sample, server))
    return harvest.parsed()


def _sample(server: str, record: Record) -> tuple[str, Row]:
    failures, archived = (_message(record, name) for name in ("failed_count", "last_archived_wal"))
    if failures is not None and not (failures.isascii() and failures.isdigit()):
        raise Refused("type", f"failed_count must be a whole number, not {brief(failures)}")
    told: dict[str, Any] = {
        "failed_count": int(failures[:19]) if failures else None,
        "last_archived_wal": _stamp(archived or ""),
    }
    told_of = replace(record, values=told)
    return "log_archive", {
        "native_instance": server,
        "sampled_at": record.said_at,
        "kind": "wal",
        "last_archived_at": told_of.past("last_archived_wal"),
        "failed_count": told_of.whole("failed_count"),
    }


def _message(record: Record, name: str) -> str | None:
    return record.part(name).optional_name("message")


def _stamp(text: str) -> str | None:
    found = _ARCHIVED.fullmatch(text)
    if found is None:
        return None  # none archived yet
    try:
        return datetime.strptime(found[1], _STAMP).isoformat()  # noqa: DTZ007 - see above
    except ValueError:
        raise Refused("timestamp", f"last_archived_wal: {brief(found[1])} is no time") from None
