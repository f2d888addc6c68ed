"""A lab with a real PostgreSQL and a real pgBackRest, on unix sockets in one folder of its own.

Belongs here: starting, backing up, breaking, restoring and stopping. Does not belong here: CBCR.
Loaded by path (tests share code through fixtures): see `conftest.py` and `benchmarks/`.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STANZA = "orders"
ROWS = 2_000
_TIMEOUT_S = 120

_PGBACKREST_CONF = """[global]
repo1-path={root}/repo
repo1-retention-full=3
log-path={root}/log
log-level-file=info
log-level-console=error
lock-path={root}/lock
spool-path={root}/spool
start-fast=y
compress-type=zst
process-max=2
[{stanza}]
pg1-path={root}/pg1
pg1-port={port}
pg1-socket-path={root}/sock
"""
_POSTGRES_CONF = """
port={port}
listen_addresses=''
unix_socket_directories='{root}/sock'
archive_mode=on
archive_command='{pgbackrest} archive-push %p'
timezone=UTC
log_timezone=UTC
shared_buffers=32MB
fsync=off
"""


class MissingTool(Exception):
    """A program of the distribution is not installed."""


def postgres_bin() -> Path:
    """Return the folder of PostgreSQL's server programs.

    Raises:
        MissingTool: There is none, or no pgBackRest.
    """
    if shutil.which("pgbackrest") is None:
        raise MissingTool("pgbackrest is not installed (apt-get install pgbackrest)")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise MissingTool("no PostgreSQL server (apt-get install postgresql)")
    return found[-1].parent if found else Path(str(on_path)).parent


@dataclass(frozen=True)
class Drill:
    """A verified point-in-time restore, as measured.

    Attributes:
        requested_at: When it was asked for, UTC.
        started_at: When pgBackRest started.
        restored_at: When the files were back.
        recovered_at: When the log was replayed and the server writable.
        verified_at: When the rows were proven right.
        target_at: The moment asked for.
        rows: Rows found.
    """

    requested_at: datetime
    started_at: datetime
    restored_at: datetime
    recovered_at: datetime
    verified_at: datetime
    target_at: str
    rows: int


class Lab:
    """One PostgreSQL cluster with its pgBackRest stanza."""

    def __init__(self, root: Path, *, port: int) -> None:
        """Describe a lab in an empty folder; nothing is started yet."""
        self.root = root
        self.port = port
        self._bin = postgres_bin()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._running: list[Path] = []

    @property
    def config(self) -> Path:
        """PgBackRest's configuration."""
        return self.root / "pgbackrest.conf"

    @property
    def backup_log(self) -> Path:
        """PgBackRest's backup log."""
        return self.root / "log" / f"{STANZA}-backup.log"

    def start(self) -> None:
        """Create the cluster and the stanza, load some rows."""
        for name in ("sock", "log", "repo", "lock", "spool"):
            (self.root / name).mkdir(parents=True)
        facts = {"root": self.root, "stanza": STANZA, "port": self.port}
        self.config.write_text(_PGBACKREST_CONF.format(**facts))
        self._own(self.root)
        data = self.root / "pg1"
        self.run(self._bin / "initdb", "-D", data, "-U", "postgres", "-N", "-k", "-E", "UTF8",
                 "--no-locale")  # fmt: skip
        settings = _POSTGRES_CONF.format(pgbackrest=" ".join(self._pgbackrest()), **facts)
        with (data / "postgresql.conf").open("a") as handle:
            handle.write(settings)
        self._server(data)
        self.pgbackrest("stanza-create")
        self.sql(
            f"create table orders as select g as id, 'x' as note from generate_series(1, {ROWS}) g"
        )

    def backup(self, kind: str, *options: str, check: bool = True) -> int:
        """Run a backup; return its exit code."""
        return self.pgbackrest(f"--type={kind}", *options, "backup", check=check)

    def failing_backup(self) -> int:
        """Run a backup that cannot reach its server; return its exit code (56)."""
        return self.backup("incr", "--pg1-port=1", check=False)

    def archive_now(self) -> None:
        """Write something, switch the log and wait until the segment is archived."""
        self.sql("insert into orders values (0, 'archived')")
        self.sql("select pg_switch_wal()")
        deadline = time.monotonic() + _TIMEOUT_S
        ready = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"
        while self.sql(ready) != "0":
            if time.monotonic() > deadline:
                raise TimeoutError("the log is not archived")
            time.sleep(0.05)

    def last_log_line_at(self) -> datetime:
        """Return the stamp of the newest line in the backup log, UTC."""
        lines = [line for line in self.backup_log.read_text().splitlines() if line[:4].isdigit()]
        return datetime.strptime(lines[-1][:23], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)

    def last_backup_stop(self) -> datetime:
        """Return when the newest backup of the catalog ended, UTC."""
        done = self.run(*self._pgbackrest(), "info", "--output=json", "--log-level-file=off")
        stop = json.loads(done)[0]["backup"][-1]["timestamp"]["stop"]
        return datetime.fromtimestamp(stop, UTC)

    def drill(self) -> Drill:
        """Restore to a moment beside the running cluster and verify the content."""
        self.sql("insert into orders values (-1, 'before')")
        time.sleep(0.2)
        target = self.sql("select clock_timestamp()")
        time.sleep(0.2)
        self.sql("insert into orders values (-2, 'after')")
        self.archive_now()
        data = self.root / f"drill-{time.monotonic_ns()}"
        requested = datetime.now(UTC)
        started = datetime.now(UTC)
        self.pgbackrest(f"--pg1-path={data}", "--type=time", f"--target={target}",
                        "--target-action=promote", "restore")  # fmt: skip
        restored = datetime.now(UTC)
        with (data / "postgresql.conf").open("a") as handle:
            handle.write(f"\narchive_mode=off\nport={self.port + 1}\n")
        self._server(data)
        while self.sql("select pg_is_in_recovery()", port=self.port + 1) != "f":
            time.sleep(0.05)
        recovered = datetime.now(UTC)
        seen = self.sql(
            "select count(*) filter (where note = 'before'),"
            " count(*) filter (where note = 'after'), count(*) from orders",
            port=self.port + 1,
        ).split("|")
        if seen[:2] != ["1", "0"]:
            raise AssertionError(f"the restore shows {seen}, not the moment asked for")
        verified = datetime.now(UTC)
        self._stop(data)
        return Drill(requested, started, restored, recovered, verified, target, int(seen[2]))

    def stop(self) -> None:
        """Stop every server that was started."""
        for data in list(self._running):
            self._stop(data)

    def sql(self, statement: str, *, port: int | None = None) -> str:
        """Run one statement; return what it prints, columns separated by `|`."""
        return self.run("psql", "-h", self.root / "sock", "-p", str(port or self.port),
                        "-U", "postgres", "-AtXqc", statement).strip()  # fmt: skip

    def pgbackrest(self, *arguments: str, check: bool = True) -> int:
        """Run pgBackRest; return its exit code."""
        done = self._execute([*self._pgbackrest(), *arguments])
        if check and done.returncode:
            raise RuntimeError(f"pgbackrest {arguments}: {done.stdout}{done.stderr}")
        return done.returncode

    def run(self, *command: object) -> str:
        """Run a program as the server's user; return its output."""
        done = self._execute([str(part) for part in command])
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def _execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def _pgbackrest(self) -> list[str]:
        return ["pgbackrest", f"--config={self.config}", f"--stanza={STANZA}"]

    def _server(self, data: Path) -> None:
        # pg_ctl's output must not be a pipe: the server would hold it open for ever.
        self.run(self._bin / "pg_ctl", "-D", data, "-w", "-t", "60", "-l",
                 self.root / "log" / f"{data.name}.log", "-s", "start")  # fmt: skip
        self._running.append(data)

    def _stop(self, data: Path) -> None:
        self.run(self._bin / "pg_ctl", "-D", data, "-m", "immediate", "-s", "stop")
        self._running.remove(data)

    def _own(self, root: Path) -> None:
        if self._user is None:
            return
        account = pwd.getpwnam(self._user)
        for path in (root, *root.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
