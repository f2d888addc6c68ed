"""Fixtures of the configuration tests: write a file, load it, return what is told about it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cbcr_assets.config import (
    ConfigError,
    Inventory,
    SourceConfig,
    load_config,
    load_inventory,
)

SOURCES = """
sources:
  agents: {tool: cbcr, feeds: [{drop: inbox}]}
  pgbr: {tool: pgbackrest, every: 30s, stale_after: 15m, feeds: [{drop: inbox}]}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file into the test's folder."""

    def write_one(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_one


@pytest.fixture
def config_problems(write: Callable[..., Path]) -> Callable[[str | bytes], list[str]]:
    """Return what is wrong in a cbcr.yaml, one text a problem."""

    def problems_of(content: str | bytes) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_config(write("cbcr.yaml", content), environ={})
        return str(caught.value).splitlines()

    return problems_of


@pytest.fixture
def sources(write: Callable[..., Path]) -> Mapping[str, SourceConfig]:
    """Two sources: `agents` uses the ids of the inventory, `pgbr` does not."""
    return load_config(write("sources.yaml", SOURCES), environ={}).sources


@pytest.fixture
def inventory_of(
    write: Callable[..., Path], sources: Mapping[str, SourceConfig]
) -> Callable[..., Inventory]:
    """Load an inventory from its text."""

    def load_one(content: str | bytes, name: str = "inventory.yaml") -> Inventory:
        return load_inventory(write(name, content), sources=sources)

    return load_one


@pytest.fixture
def inventory_problems(inventory_of: Callable[..., Inventory]) -> Callable[..., list[str]]:
    """Return what is wrong in an inventory, one text a problem."""

    def problems_of(content: str | bytes, name: str = "inventory.yaml") -> list[str]:
        with pytest.raises(ConfigError) as caught:
            inventory_of(content, name)
        return str(caught.value).splitlines()

    return problems_of
