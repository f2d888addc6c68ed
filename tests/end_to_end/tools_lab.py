"""Labs of further backup tools, each real and in a folder of its own.

Belongs here: making data, backing it up, failing. Does not belong here: CBCR.
Loaded by path like `lab`.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx

_TIMEOUT_S = 60


class MissingTool(Exception):
    """A program of the distribution is not installed."""


def need(*programs: str) -> None:
    """Check that programs are installed.

    Raises:
        MissingTool: One is not.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise MissingTool(f"{program} is not installed")


class MariaDb:
    """A MariaDB server with mariadb-backup."""

    def __init__(self, root: Path) -> None:
        """Start the server on a socket."""
        need("mariadbd", "mariadb-backup", "mariadb-install-db")
        self.root = root / "mariadb"
        self.root.mkdir(mode=0o755)
        self._user = "mysql" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.root, self._user)
        self.socket = self.root / "sock"
        data = self.root / "data"
        self._run(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )  # fmt: skip
        self._server = subprocess.Popen(
            [
                "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}",
                "--skip-networking", f"--pid-file={self.root / 'pid'}", "--log-bin=binlog",
                "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
                "--default-time-zone=+00:00", f"--log-error={self.root / 'log'}",
            ],
            user=self._user, cwd=self.root,
        )  # fmt: skip
        deadline = time.monotonic() + _TIMEOUT_S
        while self._run("mariadb-admin", "--no-defaults", *self._as_root(), "ping", check=False)[0]:
            if time.monotonic() > deadline:
                raise TimeoutError("MariaDB does not answer")
            time.sleep(0.1)

    def sql(self, statement: str) -> str:
        """Run SQL; tab-separated rows with a header."""
        words = ("mariadb", "--no-defaults", *self._as_root(), "--batch", "-e", statement)
        return self._run(*words)[1]

    def backup(self, name: str, *options: str) -> tuple[int, str]:
        """Back up to a folder; exit code, and the tool's log."""
        return self._run(
            "mariadb-backup", "--no-defaults", "--backup", *self._as_root(), f"--history={name}",
            f"--target-dir={self.root / name}", *options, check=False,
        )  # fmt: skip

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait(_TIMEOUT_S)

    def _as_root(self) -> tuple[str, str]:
        return "--user=root", f"--socket={self.socket}"

    def _run(self, *words: str, check: bool = True) -> tuple[int, str]:
        done = subprocess.run(
            words, user=self._user, cwd=self.root, timeout=_TIMEOUT_S, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "TZ": "UTC"},
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout.decode()
        return done.returncode, done.stdout.decode()


class Barman:
    """A PostgreSQL that a real Barman backs up. Barman's host is in Tokyo: its ids are local."""

    TIMEZONE = "Asia/Tokyo"

    def __init__(self, root: Path, *, port: int) -> None:
        """Start the server, and archive its first segment: without it Barman refuses a backup."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_basebackup"))
        if not found:
            raise MissingTool("no PostgreSQL server is installed")
        need("barman")
        self._bin = found[-1].parent
        self._user = "postgres" if os.geteuid() == 0 else None
        self.root = root / "barman"
        for name in ("sock", "log", "lock", "conf.d", "home/crm/incoming"):
            (self.root / name).mkdir(parents=True)
        self.command = ["barman", "-c", str(self.root / "barman.conf"), "-f", "json"]
        self.log = self.root / "log" / "barman.log"
        for name, limit in (("barman.conf", ""), ("slow.conf", "bandwidth_limit = 1000\n")):
            (self.root / name).write_text(self._settings(port) + limit)
        if self._user:
            for path in (self.root, *self.root.rglob("*")):
                shutil.chown(path, self._user, self._user)
        data = self.root / "pg"
        self._run(self._bin / "initdb", "-D", data, "-U", "postgres", "-N", "--no-locale")
        with (data / "postgresql.conf").open("a") as handle:
            handle.write(
                f"port={port}\nlisten_addresses=''\n"
                f"unix_socket_directories='{self.root / 'sock'}'\n"
                "archive_mode=on\nwal_level=replica\nfsync=off\nshared_buffers=32MB\n"
                f"archive_command='cp %p {self.root}/home/crm/incoming/%f'\n"
            )
        self._server("-w", "start")
        assert self._barman("switch-wal", "--force", "--archive", "crm") == 0

    def backup(self) -> int:
        """Back up; exit code."""
        return self._barman("backup", "crm")

    def interrupted_backup(self, *, killed: bool) -> int:
        """Kill a backup with all its processes, or break only the copy of files; exit code."""
        time.sleep(1)  # two backups begun within one second would share id and folder
        known = set((self.root / "home/crm/base").glob("*/data/*"))
        barman = self._start("barman", "-c", self.root / "slow.conf", "backup", "crm")
        deadline = time.monotonic() + _TIMEOUT_S
        while set((self.root / "home/crm/base").glob("*/data/*")) <= known:
            if time.monotonic() > deadline or barman.poll() is not None:
                raise TimeoutError("the backup does not begin")
            time.sleep(0.05)
        if killed:
            os.killpg(barman.pid, signal.SIGKILL)
        else:
            children = Path(f"/proc/{barman.pid}/task/{barman.pid}/children").read_text()
            os.kill(int(children.split()[0]), signal.SIGTERM)
        return barman.wait(_TIMEOUT_S)

    def stop(self) -> None:
        """End the server, if it runs."""
        if (self.root / "pg" / "postmaster.pid").exists():
            self._server("-m", "immediate", "stop")

    def _settings(self, port: int) -> str:
        reach = f"host={self.root / 'sock'} port={port} user=postgres"
        return (
            f"[barman]\nbarman_user = {self._user or getpass.getuser()}\n"
            f"barman_home = {self.root / 'home'}\nbarman_lock_directory = {self.root / 'lock'}\n"
            f"configuration_files_directory = {self.root / 'conf.d'}\nlog_file = {self.log}\n"
            "log_level = INFO\n[crm]\ndescription = CRM\nbackup_method = postgres\narchiver = on\n"
            f"conninfo = {reach} dbname=postgres\nstreaming_conninfo = {reach}\n"
            f"path_prefix = {self._bin}\nimmediate_checkpoint = true\n"
        )

    def _server(self, *words: str) -> None:
        log = self.root / "log" / "pg.log"
        self._run(self._bin / "pg_ctl", "-D", self.root / "pg", "-l", log, "-s", *words)

    def _barman(self, *words: str) -> int:
        return self._start("barman", "-c", self.root / "barman.conf", *words).wait(_TIMEOUT_S)

    def _run(self, *words: object) -> None:
        assert self._start(*words).wait(_TIMEOUT_S) == 0, words

    def _start(self, *words: object) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [str(word) for word in words], user=self._user, group=self._user, cwd=self.root,
            extra_groups=[] if self._user else None, start_new_session=True,
            stdin=quiet, stdout=quiet, stderr=quiet,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": self.TIMEZONE},
        )  # fmt: skip


class Vault:
    """A restic and a borg repository in one folder, with the environment that opens them."""

    def __init__(self, root: Path) -> None:
        """Create both repositories."""
        need("restic", "borg")
        self.root = root / "vault"
        self.root.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CBCR_")}
        self.env = {
            **kept,
            "RESTIC_REPOSITORY": str(self.root / "restic"),
            "RESTIC_PASSWORD": "lab",
            "RESTIC_CACHE_DIR": str(self.root / "cache"),
            "BORG_REPO": str(self.root / "borg"),
            "BORG_BASE_DIR": str(self.root),
            "BORG_PASSPHRASE": "lab",
            "TZ": "America/New_York",
        }
        self.run("restic", "init")
        self.run("borg", "init", "--encryption=repokey")

    def run(self, *words: str) -> str:
        """Run a command in the repositories' environment; return what it printed."""
        done = subprocess.run(
            words, env=self.env, cwd=self.root, timeout=_TIMEOUT_S, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout.decode()
        return done.stdout.decode()


class Monitoring:
    """A Prometheus that scrapes a node_exporter, with one metric of a text file, every 3 s."""

    def __init__(
        self, root: Path, *, ports: tuple[int, int], targets: tuple[str, ...] = ()
    ) -> None:
        """Start both; wait until the first scrape has come in."""
        need("prometheus", "prometheus-node-exporter")
        self.root = root / "monitoring"
        (self.root / "text").mkdir(parents=True)
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.exporter_url = f"http://127.0.0.1:{ports[1]}/metrics"
        self.queue(3)
        scraped = ", ".join(f"'{target}'" for target in (f"127.0.0.1:{ports[1]}", *targets))
        (self.root / "prometheus.yml").write_text(
            "global: {scrape_interval: 3s, scrape_timeout: 3s}\n"
            f"scrape_configs: [{{job_name: node, static_configs: [{{targets: [{scraped}]}}]}}]\n"
        )
        self._exporter = self._start(
            "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{ports[1]}",
            f"--collector.textfile.directory={self.root / 'text'}",
        )  # fmt: skip
        self._prometheus = self._start(
            "prometheus", f"--config.file={self.root / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.root / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
        )  # fmt: skip
        self.wait_for("rate(node_network_receive_bytes_total[5m])")

    def queue(self, depth: int) -> None:
        """Say how long the queue is."""
        (self.root / "text" / "queue.prom").write_text(
            f'backup_queue_depth{{queue="full"}} {depth}\n'
        )

    def wait_for(self, query: str) -> str:
        """Wait until an instant query has a result; return it."""
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                found = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=5)
                if found.status_code == httpx.codes.OK and found.json()["data"]["result"]:
                    return found.text
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise TimeoutError(f"{query} has no result")

    def kill_exporter(self) -> None:
        """Kill node_exporter and wait until Prometheus has noticed."""
        self._exporter.kill()
        self._exporter.wait(_TIMEOUT_S)
        self.wait_for("up == 0")

    def stop(self) -> None:
        """End both."""
        for process in (self._exporter, self._prometheus):
            process.kill()
            process.wait(_TIMEOUT_S)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(words, cwd=self.root, stdout=quiet, stderr=quiet)
