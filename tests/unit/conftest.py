"""What several rooms' tests need: databases of their own on a real PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

_MISSING = "no PostgreSQL server is installed (apt-get install postgresql)"


def _server_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass
class Server:
    """A PostgreSQL without a port.

    Attributes:
        socket: The folder of its socket: a short name, for a socket's may not be long.
        run: Run one of its programs as its user.
    """

    socket: Path
    run: Callable[..., None]
    databases: Iterator[int] = field(default_factory=count)

    def new_database(self) -> str:
        """Make an empty database; return its SQLAlchemy URL."""
        name = f"test{next(self.databases)}"
        self.run("createdb", "-h", self.socket, "-U", "cbcr", "-T", "template0", name)
        return f"postgresql+psycopg://cbcr@/{name}?host={self.socket}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A server that ends with the session; in CI a missing one fails."""
    programs = _server_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    # Not below pytest's folders: other sessions clear those away, with the server still running.
    with tempfile.TemporaryDirectory(prefix="cbcr-pg-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)

        def run(program: str, *words: object) -> None:
            command = [str(programs / program), *map(str, words)]
            subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True)

        data = folder / "data"
        run("initdb", "-D", data, "-U", "cbcr", "-N", "-A", "trust", "-E", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        try:
            run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
            yield Server(folder, run)
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """SQLAlchemy URL of an empty database of the test's own."""
    return postgres_server.new_database()
