"""Fixtures of the end-to-end tests: the real lab, and the platform as a user starts it."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def load(name: str) -> ModuleType:
    """Load a helper module of this folder by path: test folders are no packages."""
    spec = importlib.util.spec_from_file_location(f"cbcr_e2e_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def platforms() -> ModuleType:
    """The module that starts `cbcr up` and the stub Slack."""
    return load("platform_process")


@pytest.fixture(scope="session")
def tools() -> ModuleType:
    """The module with the labs of further tools."""
    return load("tools_lab")


@pytest.fixture
def lab(platforms: ModuleType) -> Iterator[Any]:
    """A running PostgreSQL with its pgBackRest stanza."""
    labs = load("lab")
    try:
        labs.postgres_bin()
    except labs.MissingTool as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    # Not tmp_path: PostgreSQL refuses to run as root, and its user could not enter that folder.
    folder = Path(tempfile.mkdtemp(prefix="cbcr-lab-"))
    folder.chmod(0o755)
    started = labs.Lab(folder / "lab", port=platforms.free_port())
    try:
        started.start()
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder)
