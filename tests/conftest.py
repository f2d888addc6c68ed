"""What all tests share: a folder for the whole run, and which tests go to one worker.

Belongs here: how a run is divided. Does not belong here: fixtures that one folder's tests need.
"""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Their tests rest on one fixture that costs half a minute.
TOGETHER = ("tests/dashboards/",)


class ByFile(LoadScopeScheduling):
    """The tests of a file, or of a folder that rests on one costly fixture, go to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """Divide by file when asked to; else as xdist does."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share; what is made in it once needs a lock."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder
