"""What `cbcr doctor` looks at: configuration, sources, receivers, warehouse, room on the disk.

Belongs here: one finding for each thing that must be right, with what to do when it is not.
Does not belong here: mending anything.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from cbcr_assets.config import (
    ConfigError,
    FeedConfig,
    SourceConfig,
    load_health,
    load_inventory,
    load_policy,
)
from cbcr_assets.steps.inventory_sql import inventory_file
from cbcr_assets.steps.platform import Platform, open_platform
from cbcr_assets.steps.slack_button import NoSecretError, signing_secrets
from cbcr_assets.warehouse import WarehouseError, current

_ROOM_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: The thing.
        state: ok, wrong or note.
        detail: What was found, and what to do.
    """

    what: str
    state: str
    detail: str


def findings(environ: Mapping[str, str], *, now: datetime) -> pl.DataFrame:
    """Return all findings; never raises for what it is there to find."""
    rows = [astuple(finding) for finding in _all(environ, now)]
    return pl.DataFrame(rows, schema=["what", "state", "detail"], orient="row")


def _all(environ: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    try:
        platform = open_platform(environ)
    except ConfigError as error:
        yield from _problems("cbcr.yaml", error)
        return
    yield Finding("cbcr.yaml", "ok", str(platform.config.file))
    yield from _inventory(platform)
    yield from _policy(platform)
    yield from _health(platform)
    yield from _dashboards(platform)
    for source in platform.config.sources.values():
        yield from _source(source)
    yield from _home(platform)
    yield from _warehouse(platform, now)


def _problems(what: str, error: ConfigError) -> Iterator[Finding]:
    for problem in error.problems:
        yield Finding(what, "wrong", str(problem))


def _inventory(platform: Platform) -> Iterator[Finding]:
    try:
        inventory = load_inventory(inventory_file(platform), sources=platform.config.sources)
    except ConfigError as error:
        yield from _problems("inventory", error)
        return
    yield Finding("inventory", "ok", f"{len(inventory.instances)} instances")


def _policy(platform: Platform) -> Iterator[Finding]:
    try:
        policy = load_policy(platform.config.alerting, environ=platform.environ)
    except ConfigError as error:
        yield from _problems("alerting", error)
        return
    for problem in policy.missing_secrets():
        yield Finding("alerting", "wrong", problem)
    yield Finding("alerting", "ok", f"{len(policy.receivers)} receivers")
    if platform.config.slack_button is not None:
        try:
            signing_secrets(policy)
        except NoSecretError as error:
            yield Finding("slack_button", "wrong", str(error))


def _health(platform: Platform) -> Iterator[Finding]:
    try:
        model = load_health(platform.config.health)
    except ConfigError as error:
        yield from _problems("health", error)
        return
    own = platform.config.health
    detail = f"version {model.version}, {'no file of your own' if own is None else own}"
    yield Finding("health", "ok", detail)


def _dashboards(platform: Platform) -> Iterator[Finding]:
    dashboards = platform.config.dashboards
    at = f"{dashboards.address}:{dashboards.port}"
    if not dashboards.has_login:
        yield Finding("dashboards", "ok", f"{at}, without a login: for this machine alone")
        return
    for key, reference in dashboards.secrets():
        try:
            reference.resolve(platform.environ)
        except ValueError as error:
            yield Finding("dashboards", "wrong", f"{key}: {error}")
    yield Finding(
        "dashboards", "ok", f"{at}, for {', '.join(sorted(dashboards.hosts(dashboards.address)))}"
    )


def _source(source: SourceConfig) -> Iterator[Finding]:
    if not source.feeds:
        yield Finding(source.source_id, "wrong", "it has no feeds; nothing can arrive")
    for feed in source.feeds:
        yield _feed(source, feed)


def _feed(source: SourceConfig, feed: FeedConfig) -> Finding:
    if feed.command:
        found = shutil.which(feed.command[0])
        detail = found or f"{feed.command[0]} is not on this machine's PATH"
        return Finding(source.source_id, "ok" if found else "wrong", detail)
    if feed.file:
        pattern = Path(feed.file)
        count = len(list(pattern.parent.glob(pattern.name)))
        detail = f"{count} files match {feed.file}"
        return Finding(source.source_id, "ok" if count else "wrong", detail)
    if feed.objects:
        return Finding(source.source_id, "note", f"{feed.objects}: `cbcr pull` tries it")
    if feed.drop is not None:
        there = feed.drop.is_dir()
        detail = f"inbox {feed.drop}" if there else f"the inbox {feed.drop} does not exist yet"
        return Finding(source.source_id, "ok" if there else "note", detail)
    return Finding(source.source_id, "note", f"{feed.kind} by SQL: `cbcr pull` tries it")


def _home(platform: Platform) -> Iterator[Finding]:
    folder = next(path for path in (platform.home, *platform.home.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        yield Finding("home", "wrong", f"{folder} is not writable")
        return
    free = shutil.disk_usage(folder).free
    state = "ok" if free > _ROOM_BYTES else "wrong"
    yield Finding("home", state, f"{platform.home}, {free / 1e9:.1f} GB free")


def _warehouse(platform: Platform, now: datetime) -> Iterator[Finding]:
    try:
        snapshot = current(platform.config.serving)
    except WarehouseError as error:
        yield Finding("warehouse", "note", str(error))
        return
    age_s = (now - snapshot.published_at).total_seconds()
    detail = f"version {snapshot.version}, published {age_s / 60:.0f} min ago"
    yield Finding("warehouse", "ok" if age_s < 3600 else "note", detail)
