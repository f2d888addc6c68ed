"""An inventory that lives in a database: `inventory: inventory.sql` in cbcr.yaml.

Belongs here: asking for it now and then, and keeping the answer as a CSV file, which everything
else reads as if a person had written it.
Does not belong here: what an inventory may say (see `config`).

The file's first line says where to ask (`-- database: env:NAME`, `file:PATH`, or an address without
a password); the rest is one SELECT whose columns are those of a CSV inventory. While the database
does not answer, the newest answer stays in force, and the refusal is told like any other.
"""

import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cbcr_assets.config import ConfigError
from cbcr_assets.config.document import fail, read_text
from cbcr_assets.config.values import SecretRef
from cbcr_assets.steps.in_force import accept, refuse
from cbcr_assets.steps.platform import Platform

ASK_EVERY = timedelta(minutes=1)
_TIMEOUT_S = 10.0
_HEAD = re.compile(r"--\s*database:\s*(\S+)\s*")
_PASSWORD = re.compile(r"://[^/@]*:[^@]+@")


def inventory_file(platform: Platform, *, now: datetime | None = None) -> Path:
    """Return the file that holds the inventory, after asking the database that has it.

    Args:
        platform: Whose inventory.
        now: Present, naive UTC: then the database is asked once a minute at most, and while it
            cannot be asked the newest answer is returned. None asks in any case.

    Raises:
        ConfigError: The database cannot be asked, and there is no answer of an earlier time (or
            `now` was None).
    """
    source = platform.config.inventory
    if source.suffix != ".sql":
        return source
    kept, asked = _kept(platform), platform.home / f"{source.name}.asked"
    if now is not None and kept.is_file() and not _is_due(asked, now):
        return kept
    platform.home.mkdir(parents=True, exist_ok=True)
    if now is not None:
        asked.write_text(now.isoformat(), encoding="utf-8")
    try:
        text = _answer(source, platform)
    except ConfigError as error:
        refuse(platform.home, kept, str(error))
        if now is None or not kept.is_file():
            raise
        return kept
    partial = kept.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(kept)
    accept(platform.home, kept)
    return kept


def inventory_files(platform: Platform) -> tuple[Path, ...]:
    """Return the file of cbcr.yaml, and where it is a query the file of its answer."""
    source = platform.config.inventory
    return (source,) if source.suffix != ".sql" else (source, _kept(platform))


def _kept(platform: Platform) -> Path:
    return platform.home / f"{platform.config.inventory.name}.csv"


def _is_due(asked: Path, now: datetime) -> bool:
    try:
        before = datetime.fromisoformat(asked.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return abs(now - before) >= ASK_EVERY


def _answer(source: Path, platform: Platform) -> str:
    """Return the database's answer as CSV."""
    # SQLAlchemy costs a third of a second of import: only who has such an inventory pays it.
    from cbcr_assets.connectors.transports.sql import read_query

    head, _, query = read_text(source).partition("\n")
    found = _HEAD.fullmatch(head.strip())
    if found is None:
        raise fail(source, 1, "the first line says where to ask: -- database: env:CBCR_CMDB_URL")
    if _PASSWORD.search(found[1]):
        raise fail(source, 1, "this address holds a password: write env:NAME or file:PATH")
    try:
        is_reference = found[1].startswith(("env:", "file:"))
        url = SecretRef(found[1]).resolve(platform.environ) if is_reference else found[1]
        columns, rows = read_query(url, query, timeout_s=_TIMEOUT_S)
    except ValueError as error:
        raise fail(source, 2, f"the database cannot be asked: {error}") from None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return str(value)
