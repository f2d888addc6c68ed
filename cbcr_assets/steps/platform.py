"""The platform: configuration, and the objects that it describes.

Belongs here: where state lives and how each object is built. Does not belong here: steps.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import cbcr_assets
from cbcr_assets.config import Config, home_of, load_config
from cbcr_assets.connectors.ledger import Ledger
from cbcr_assets.steps.in_force import load_in_force

# DuckDB and SQLAlchemy cost more than an idle pull: who needs them imports them.
if TYPE_CHECKING:
    from datetime import datetime

    from cbcr_assets.alerting import AlertService
    from cbcr_assets.alerting.board import Board
    from cbcr_assets.config import Policy
    from cbcr_assets.warehouse import FileWarehouse

CODE_ROOT = Path(cbcr_assets.__file__).resolve().parent.parent
DBT_PROJECT = CODE_ROOT / "dbt_project"

# By home: a text that did not change need not be read again at every tick of every sensor.
_accepted: dict[Path, tuple[Path, bytes, Config]] = {}


@dataclass(frozen=True)
class Platform:
    """One configured CBCR.

    Attributes:
        config: The loaded cbcr.yaml.
        environ: Environment that secret references are resolved in.
        running: A file that became wrong does not stop it: what was accepted last stays in force.
    """

    config: Config
    environ: Mapping[str, str] = field(repr=False)
    running: bool = False

    @property
    def home(self) -> Path:
        """Folder of all state."""
        return self.config.home

    @property
    def spool(self) -> Path:
        """Folder of envelopes that CBCR's own collectors wrote."""
        return self.home / "spool"

    @property
    def evaluations(self) -> Path:
        """Folder of SLA evaluations on their way to the alert engine."""
        return self.home / "evaluations"

    @property
    def next_change(self) -> Path:
        """File that says when a status changes next if nothing arrives."""
        return self.home / "next-change.json"

    @property
    def alert_store(self) -> str:
        """SQLAlchemy URL of the alert store.

        Raises:
            StoreError: Nobody says where it is.
        """
        from cbcr_assets.alerting import StoreError

        if self.config.alert_store is None:
            return f"sqlite:///{self.home / 'alerts.db'}"
        try:
            return self.config.alert_store.resolve(self.environ)
        except ValueError as error:
            raise StoreError(f"cbcr.yaml: alert_store: {error}") from None

    @property
    def dbt_target(self) -> Path:
        """Folder of dbt's manifest and compiled SQL."""
        return self.home / "dbt"

    @cached_property
    def warehouse(self) -> FileWarehouse:
        """The live warehouse and its snapshots."""
        from cbcr_assets.warehouse import FileWarehouse

        config = self.config
        return FileWarehouse(config.warehouse, config.serving, keep=config.keep_snapshots)

    @cached_property
    def ledger(self) -> Ledger:
        """What was read already, and where each feed stands."""
        self.home.mkdir(parents=True, exist_ok=True)
        return Ledger(self.home / "ledger.db")

    def alerts(self, *, wait_s: float = 30.0) -> AlertService:
        """Build the alert engine with the present policy.

        Args:
            wait_s: How long to wait for other processes that write, seconds.

        Raises:
            ConfigError: alerting.yaml is wrong.
            StoreError: The store cannot be opened, or nobody says where it is.
        """
        from cbcr_assets.alerting import Links, open_service
        from cbcr_assets.alerting.clock import uptime

        self.home.mkdir(parents=True, exist_ok=True)
        return open_service(
            store_url=self.alert_store,
            policy=self.policy(),
            links=Links(
                self.config.dashboard_url, self.config.dagster_url, self.config.runbooks_url
            ),
            timer=uptime,
            wait_s=wait_s,
        )

    def board(self, *, now: datetime) -> Board:
        """Open the alert store to look at it; nothing is made or decided.

        Args:
            now: Present, naive UTC.

        Raises:
            StoreError: There is none yet, it cannot be read, or nobody says where it is.
        """
        from cbcr_assets.alerting.board import open_board
        from cbcr_assets.alerting.clock import uptime

        return open_board(self.alert_store, timer=uptime, now=now)

    def policy(self) -> Policy:
        """Load who is told about what.

        Raises:
            ConfigError: alerting.yaml is wrong.
        """
        from cbcr_assets.config import load_policy

        file = self.config.alerting

        def load(content: Path | None) -> Policy:
            return load_policy(file, environ=self.environ, content=content)

        return load_in_force(self.home, file, load) if self.running else load(None)


def config_path(environ: Mapping[str, str]) -> Path:
    """Return the configured cbcr.yaml: `CBCR_CONFIG`, else the one of the current folder."""
    return Path(environ.get("CBCR_CONFIG", "cbcr.yaml")).absolute()


def open_platform(environ: Mapping[str, str] | None = None) -> Platform:
    """Load the configuration and describe the platform; nothing is opened or written yet.

    Raises:
        ConfigError: cbcr.yaml is missing or wrong; all problems at once.
    """
    environ = os.environ if environ is None else environ
    return Platform(load_config(config_path(environ), environ=environ), environ)


def open_running(environ: Mapping[str, str] | None = None) -> Platform:
    """Describe the platform as its lanes do: what was accepted last stays in force.

    Raises:
        ConfigError: cbcr.yaml is missing or wrong, and never was right.
    """
    environ = os.environ if environ is None else environ
    path = config_path(environ)
    home = home_of(path, environ)
    text = path.read_bytes() if path.is_file() else b""

    def load(content: Path | None) -> Config:
        known = _accepted.get(home)
        if content is None and known is not None and known[:2] == (path, text):
            return known[2]
        config = load_config(path, environ=environ, content=content)
        if content is None:
            _accepted[home] = path, text, config
        return config

    return Platform(load_in_force(home, path, load), environ, running=True)
