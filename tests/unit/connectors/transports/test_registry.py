"""The registry: by name, lazily."""

import subprocess
import sys

import pytest

from cbcr_assets.config import TOOLS
from cbcr_assets.connectors.registry import CONNECTORS, connector


def test_tools_have_their_connector():
    assert connector("cbcr").tool == "cbcr"
    assert connector("cbcr") is CONNECTORS["cbcr"]
    assert sorted(CONNECTORS) == sorted(TOOLS)
    assert len(CONNECTORS) == len(TOOLS)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_connector_reads_what_its_line_says(tool):
    assert (connector(tool).tool, connector(tool).kinds) == (tool, TOOLS[tool])


def test_an_unknown_tool_names_the_known_ones():
    assert "x" not in CONNECTORS
    with pytest.raises(KeyError, match=", ".join(CONNECTORS)):
        connector("x")


def test_the_registry_imports_no_connector():
    code = (
        "import sys, cbcr_assets.connectors.registry as r; 'cbcr' in r.CONNECTORS;"
        "bad = [m for m in sys.modules if m.startswith(('cbcr_assets.connectors.cbcr', 'sqlalchemy'"
        ", 'cbcr_assets.connectors.pgbackrest'))]; sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
