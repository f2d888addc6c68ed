"""What there is to read: the inventory's text, sources' feeds, files on offer.

Belongs here: finding out that there is no news, which is what most pulls do; so nothing here
imports a warehouse, a data frame or an alert store.
Does not belong here: reading what is new (see `watch`), Dagster.
"""

import hashlib
from datetime import datetime
from pathlib import Path

from cbcr_assets.config import SourceConfig
from cbcr_assets.connectors.transports.collect import CollectReport, collect
from cbcr_assets.connectors.transports.drop import OfferedFile, offered
from cbcr_assets.steps.inventory_sql import inventory_file
from cbcr_assets.steps.platform import Platform

_FILES_A_PULL = 500


def inventory_state(platform: Platform) -> Path:
    """Return the file that says which inventory is stored."""
    return platform.home / "inventory.sha256"


def inventory_news(platform: Platform, *, now: datetime) -> tuple[Path, str] | None:
    """Return the inventory's file and fingerprint when it is not the stored one.

    It changes with its text, with that of cbcr.yaml or of the health model, and once a day for the
    schedules ahead.

    Raises:
        ConfigError: The database that has it cannot be asked, and never could.
    """
    file = inventory_file(platform, now=now)
    fingerprint = _fingerprint(platform.config.file, file, *health_files(platform), now=now)
    state = inventory_state(platform)
    if state.is_file() and state.read_text(encoding="utf-8") == fingerprint:
        return None
    return file, fingerprint


def health_files(platform: Platform) -> tuple[Path, ...]:
    """Return the user's own health model, if one is configured."""
    return () if platform.config.health is None else (platform.config.health,)


def collect_source(platform: Platform, source: SourceConfig, *, now: datetime) -> CollectReport:
    """Ask the source's own feeds (commands, logs, SQL) and spool what is new."""
    return collect(
        source,
        spool=platform.spool,
        ledger=platform.ledger,
        now=now,
        environ=platform.environ,
    )


def offered_files(platform: Platform, source: SourceConfig) -> list[OfferedFile]:
    """Return the envelope files of a source that are not acknowledged yet, oldest first."""
    folders = [platform.spool, *(feed.drop for feed in source.feeds if feed.drop is not None)]
    files = [file for folder in folders for file in offered(folder, source.source_id)]
    return sorted(platform.ledger.pending(files), key=lambda file: file.path.name)[:_FILES_A_PULL]


def _fingerprint(*files: Path, now: datetime) -> str:
    digest = hashlib.sha256(now.date().isoformat().encode())
    for file in files:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()
