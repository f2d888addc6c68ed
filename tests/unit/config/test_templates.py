"""The starter files: they load, and what is commented out in them would load, too."""

import re

import pytest

from cbcr_assets.config import load_config, load_inventory
from cbcr_assets.templates import read_template


@pytest.fixture
def write_starters(write):
    def write_all(change=lambda text: text):
        for name in ("cbcr.yaml", "inventory.yaml"):
            path = write(name, change(read_template(name)))
        return path.parent

    return write_all


def uncommented(text):
    """Return the text with its commented-out keys switched on."""
    return re.sub(r"(?m)^(\s*)# (?=(- )?(\{|[a-z_-]+:( |$)|  ))", r"\1", text)


def test_the_starters_load(write_starters):
    folder = write_starters()
    config = load_config(folder / "cbcr.yaml", environ={})
    inventory = load_inventory(config.inventory, sources=config.sources)
    assert list(config.sources) == ["jobs"]
    assert [instance.instance_id for instance in inventory.instances] == ["example-db"]


def test_what_is_commented_out_would_load(write_starters):
    folder = write_starters(uncommented)
    config = load_config(folder / "cbcr.yaml", environ={})
    inventory = load_inventory(config.inventory, sources=config.sources)
    assert list(config.sources) == ["jobs", "pgbackrest-main"]
    assert [feed.kind for feed in config.sources["jobs"].feeds] == [
        None,
        None,
        "job_log",
        "catalog",
        "drill",
    ]
    assert config.keep_snapshots == 3
    orders = inventory.instances[1].columns
    assert (orders["tier"], orders["rpo_s"], orders["timezone"]) == (1, 300.0, "Europe/Berlin")


def test_there_is_no_template_of_another_name():
    with pytest.raises(FileNotFoundError):
        read_template("none.yaml")
