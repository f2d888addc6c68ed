"""Fixtures of the model tests: one warehouse with many histories, built once by the real dbt."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import Platform, open_platform

Rows = dict[str, list[dict[str, Any]]]


class Built:
    """A platform whose models were built from given raw rows."""

    def __init__(self, folder: Path) -> None:
        """Configure an empty platform in a folder."""
        config = folder / "cbcr.yaml"
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        environ = {"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"}
        self.platform: Platform = open_platform(environ)

    def load(self, rows: Rows) -> None:
        """Load raw rows."""
        with self.platform.warehouse.write() as session:
            for table, records in rows.items():
                session.load(table, typed_frame(table, records))

    def build(self, *, full_refresh: bool = False, as_of: datetime | None = None) -> None:
        """Build all models and run their tests."""
        report = analytics.build(self.platform, full_refresh=full_refresh, as_of=as_of)
        assert report.ok, report.output

    def query(self, sql: str, *, as_of: datetime | None = None) -> list[tuple[Any, ...]]:
        """Query the live file."""
        at = as_of or datetime.now(UTC).replace(tzinfo=None)
        with self.platform.warehouse.live(as_of=at) as session:
            return session.query(sql).rows()


@pytest.fixture(scope="session")
def make_built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Built]:
    """Make an empty platform."""
    return lambda: Built(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def merge_rows() -> Callable[[Sequence[Rows]], Rows]:
    """Merge several sets of raw rows into one."""

    def merge(parts: Sequence[Rows]) -> Rows:
        merged: Rows = {}
        for part in parts:
            for table, records in part.items():
                merged.setdefault(table, []).extend(records)
        return merged

    return merge
