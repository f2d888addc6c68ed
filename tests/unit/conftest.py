"""What several rooms' tests need: a PostgreSQL server of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MISSING = "no PostgreSQL server is installed (apt-get install postgresql)"


def _server_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture
def postgres_folder() -> Iterator[Path]:
    """The server's folder and that of its socket: short, for the name of a socket is."""
    # Not below pytest's folders: other sessions clear those away, with the server still running.
    with tempfile.TemporaryDirectory(prefix="cbcr-pg-") as name:
        yield Path(name)


@pytest.fixture
def postgres_url(postgres_folder: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database on a server that ends with the test."""
    programs, folder = _server_programs(), postgres_folder
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(*command: object) -> None:
        words = [str(word) for word in command]
        subprocess.run(words, user=user, cwd=folder, check=True, capture_output=True)

    data = folder / "data"
    run(programs / "initdb", "-D", data, "-U", "cbcr", "-N", "-A", "trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    try:
        run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql+psycopg://cbcr@/postgres?host={folder}"
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
