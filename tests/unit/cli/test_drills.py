"""`cbcr drills`, `cbcr audit`, and `cbcr up` where strangers could look."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbcr_assets.cli import main, processes
from cbcr_assets.cli.diagnosis import findings
from cbcr_assets.records import typed_frame
from cbcr_assets.steps.platform import open_platform

Run = Callable[..., tuple[int, str, str]]
NOW = datetime(2026, 1, 1)
CONFIG = "sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n"
LOGIN = """dashboards:
  address: 0.0.0.0
  login:
    metadata_url: https://login.example.org/x
    client_id: cbcr
    client_secret: env:CBCR_TEST_CLIENT
    cookie_secret: env:CBCR_TEST_COOKIE
    redirect_uri: https://cbcr.example.org/oauth2callback
    default_role: viewer
"""


@pytest.fixture
def cbcr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.delenv("CBCR_HOME", raising=False)
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "cbcr.yaml"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "cbcr.yaml").write_text(CONFIG)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cbcr", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        streams = capsys.readouterr()
        return int(stopped.value.code or 0), streams.out, streams.err

    return run


def publish_orders() -> None:
    platform = open_platform()
    row = {"instance_id": "orders", "team": "payments", "db_type": "postgresql"}
    with platform.warehouse.write() as session:
        session.load("instances", typed_frame("instances", [row]))
        session.execute("create schema intermediate")
        session.execute(
            "create table intermediate.int_restores (instance_id text, source_id text,"
            " restore_key text, started_at timestamp, requested_at timestamp,"
            " restored_at timestamp, recovered_at timestamp, verified_at timestamp,"
            " ended_at timestamp, outcome text)"
        )
    platform.warehouse.publish(now=NOW)


def test_from_a_request_to_the_restore_that_answers_it(cbcr: Run) -> None:
    publish_orders()
    assert cbcr("drills", "list", "--format", "json")[:2] == (0, "[]\n")
    assert cbcr("drills", "request", "nowhere")[0] == 2
    code, out, _ = cbcr("drills", "request", "orders", "--reason", "audit", "--by", "ann")
    assert (code, out.splitlines()[0][:29]) == (0, "Requested. payments is told; ")
    assert cbcr("drills", "request", "orders")[0] == 1
    code, out, _ = cbcr("drills", "list", "--format", "json")
    (waiting,) = json.loads(out)
    assert (code, waiting["state"], waiting["team"]) == (1, "open", "payments")
    platform, now = open_platform(), datetime.now(UTC).replace(tzinfo=None)
    with platform.warehouse.write() as session:
        session.execute(
            "insert into intermediate.int_restores (instance_id, source_id, restore_key,"
            " started_at, ended_at, outcome) values ('orders', 'a', 'r1', $at, $at, 'proven')",
            {"at": now},
        )
    platform.warehouse.publish(now=now)
    assert cbcr("drills", "list")[0] == 0
    _, out, _ = cbcr("drills", "list", "--all", "--format", "json")
    (answered,) = json.loads(out)
    assert (answered["state"], answered["evidence"]) == ("answered", "a/r1")
    assert cbcr("drills", "withdraw", answered["id"])[0] == 1
    _, out, _ = cbcr("audit", "--format", "json")
    assert [(r["action"], r["outcome"]) for r in json.loads(out)] == [
        ("withdraw_drill", "nothing"), ("request_drill", "nothing"), ("request_drill", "done"),
    ]  # fmt: skip


def test_up_refuses_an_address_that_strangers_reach(cbcr: Run, tmp_path: Path) -> None:
    (tmp_path / "cbcr.yaml").write_text(f"{CONFIG}dashboards: {{address: 0.0.0.0}}\n")
    code, _, err = cbcr("up")
    assert code == 2
    assert "cbcr.yaml:2: dashboards.address: everybody who reaches 0.0.0.0 could look" in err
    assert "dashboards.login" in err


def test_up_serves_where_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cbcr: Run
) -> None:
    (tmp_path / "cbcr.yaml").write_text(CONFIG + LOGIN)
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        processes, "_start", lambda name, url, health, command, *_: started.append(
            (url, health, *command)
        ),
    )  # fmt: skip
    processes._streamlit(open_platform(), {}, 8600)
    ((url, health, *command),) = started
    assert (url, health) == ("http://127.0.0.1:8600", "http://127.0.0.1:8600/_stcore/health")
    assert command[command.index("--server.address") + 1] == "0.0.0.0"


def test_doctor_says_which_secret_of_the_login_is_missing(cbcr: Run, tmp_path: Path) -> None:
    (tmp_path / "cbcr.yaml").write_text(CONFIG + LOGIN)
    environ = {"CBCR_CONFIG": str(tmp_path / "cbcr.yaml"), "CBCR_TEST_CLIENT": "x"}
    rows = findings(environ, now=NOW).filter(what="dashboards").rows()
    assert rows == [
        ("dashboards", "wrong",
         "login.cookie_secret: the environment variable CBCR_TEST_COOKIE is not set"),
        ("dashboards", "ok", "0.0.0.0:8501, for cbcr.example.org"),
    ]  # fmt: skip
