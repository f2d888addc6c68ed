"""What an inventory file would change, before it does."""

from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.steps import analytics, watch
from cbcr_assets.steps.inventory_diff import inventory_diff
from cbcr_assets.steps.platform import Platform, open_platform

NOW = datetime(2026, 1, 1, 12)
FILE = """
instances:
  - {id: orders, db_type: postgresql, rpo: 1h, rto: 1h, aliases: [{source: agents, name: o1}]}
  - {id: billing, db_type: mysql, rpo: 1d, rto: 4h}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "cbcr.yaml").write_text(
        "sources: {agents: {tool: cbcr, names_are_instance_ids: false, feeds: [{drop: inbox}]}}\n"
    )
    (tmp_path / "inventory.yaml").write_text(FILE)
    return open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})


def test_everything_is_new_before_anything_is_stored(platform: Platform) -> None:
    assert inventory_diff(platform).select("change", "instance_id").rows() == [
        ("added", "billing"), ("added", "orders"), ("alias_added", "orders")
    ]  # fmt: skip


def test_differences_are_shown_by_column(platform: Platform, tmp_path: Path) -> None:
    watch.sync_inventory(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    assert inventory_diff(platform).is_empty()

    (tmp_path / "inventory.yaml").write_text(
        "instances:\n  - {id: orders, db_type: postgresql, rpo: 30m, rto: 1h, team: shop,\n"
        "     aliases: [{source: agents, name: o2}]}\n"
    )
    assert inventory_diff(platform).rows() == [
        ("absent", "billing", "retired_at", None, None),
        ("changed", "orders", "team", None, "shop"),
        ("changed", "orders", "rpo_s", "1:00:00", "0:30:00"),
        ("alias_added", "orders", "agents", None, "o2"),
        ("alias_absent", "orders", "agents", "o1", None),
    ]


def test_after_storing_it_nothing_differs_but_what_stays_in_force(
    platform: Platform, tmp_path: Path
) -> None:
    watch.sync_inventory(platform, now=NOW)
    (tmp_path / "inventory.yaml").write_text(
        "instances:\n  - {id: billing, db_type: mysql, rpo: 1d, rto: 4h,\n"
        "     aliases: [{source: agents, name: o2}]}\n"
    )
    watch.sync_inventory(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    assert inventory_diff(platform).rows() == [("absent", "orders", "retired_at", None, None)]

    (tmp_path / "inventory.yaml").write_text(FILE.replace("o1", "o3"))
    assert inventory_diff(platform).select("change", "stored", "file").rows() == [
        ("alias_added", None, "o3"), ("alias_absent", "o2", None), ("alias_absent", "o1", None)
    ]  # fmt: skip
    watch.sync_inventory(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    assert inventory_diff(platform).is_empty()


def test_an_alias_that_moves_to_another_instance_leaves_the_first(
    platform: Platform, tmp_path: Path
) -> None:
    watch.sync_inventory(platform, now=NOW)
    analytics.publish(platform, now=NOW)
    (tmp_path / "inventory.yaml").write_text(
        "instances:\n  - {id: orders, db_type: postgresql, rpo: 1h, rto: 1h}\n"
        "  - {id: billing, db_type: mysql, rpo: 1d, rto: 4h,\n"
        "     aliases: [{source: agents, name: o1}]}\n"
    )
    assert inventory_diff(platform).rows() == [
        ("alias_added", "billing", "agents", None, "o1"),
        ("alias_absent", "orders", "agents", "o1", None),
    ]
