"""Great Expectations costs seconds: no lane pays them by being loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LOAD = """
import sys
import cbcr_assets.quality, cbcr_assets.cli.app, sensors.definitions
from cbcr_assets.definitions import build_defs

build_defs()
sensors.definitions.build_defs()
print([name for name in sys.modules if name.split(".")[0] == "great_expectations"])
"""


def test_loading_both_code_locations_does_not_import_great_expectations(tmp_path: Path) -> None:
    (tmp_path / "cbcr.yaml").write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
    root = str(Path(__file__).resolve().parents[3])
    environ = {"CBCR_CONFIG": str(tmp_path / "cbcr.yaml"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=environ | {"PYTHONPATH": root}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
