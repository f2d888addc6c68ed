"""What may pass is tried again, within the feed's own time; what will not is told at once."""

import socket
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from cbcr_assets.connectors.transports import objects
from cbcr_assets.connectors.transports.again import until_answered
from cbcr_assets.connectors.transports.answer import Answer
from cbcr_assets.connectors.transports.command import read_command
from cbcr_assets.connectors.transports.objects import read_objects
from cbcr_assets.connectors.transports.sql import read_table

NOW = datetime(2026, 11, 23)


def test_until_it_is_there() -> None:
    left: list[float] = []

    def read(seconds: float) -> Answer:
        left.append(seconds)
        return Answer(error="cut", transient=True) if len(left) < 3 else Answer(cursor={"a": 1})

    assert until_answered(read, timeout_s=5).cursor == {"a": 1}
    assert left == sorted(left, reverse=True)
    assert left[0] - left[2] >= 0.25 + 0.5, "the pauses grow"


@pytest.mark.parametrize(("transient", "tries"), [(False, 1), (True, 2)])
def test_it_ends_before_its_time_is_up(transient: bool, tries: int) -> None:
    seen: list[float] = []

    def read(seconds: float) -> Answer:
        seen.append(seconds)
        return Answer(error="cut", transient=transient)

    began = time.monotonic()
    assert until_answered(read, timeout_s=0.9).error == "cut"
    assert time.monotonic() - began < 0.9
    assert len(seen) == tries or (transient and 2 <= len(seen) <= 3)


@pytest.mark.parametrize(
    ("name", "code", "transient"), [("ssh", 255, True), ("ssh", 1, False), ("scp", 255, False)]
)
def test_only_ssh_knows_a_lost_connection(
    tmp_path: Path, name: str, code: int, transient: bool
) -> None:
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho gone >&2\nexit {code}\n")
    program.chmod(0o700)
    answer = read_command([str(program), "vault"], last_sha256=None, timeout_s=5, environ={})
    assert (answer.rc, answer.transient) == (code, transient)


def test_an_ssh_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text(
        '#!/bin/sh\nif [ -e "$0.tried" ]; then echo \'{}\'; exit 0; fi\n: > "$0.tried"; exit 255\n'
    )
    program.chmod(0o700)
    answer = until_answered(
        lambda left: read_command([str(program)], last_sha256=None, timeout_s=left, environ={}),
        timeout_s=5,
    )
    assert (answer.error, answer.news[0].payload) == (None, "{}\n")


def test_a_database_that_does_not_answer_may_come_back(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"postgresql://nobody@127.0.0.1:{port}/none"
    facts: dict[str, Any] = {"kind": "job_log", "cursor": {}, "now": NOW, "timeout_s": 2.0}
    refused = read_table(url, **facts)
    assert refused.error
    assert refused.transient
    missing = read_table(f"sqlite:///{tmp_path / 'none.db'}", **facts)
    assert missing.error
    assert not missing.transient


def test_a_wrong_statement_is_told_at_once(postgres_url: str) -> None:
    answer = read_table(postgres_url, kind="job_log", cursor={}, now=NOW, timeout_s=5.0)
    assert "cbcr_job_events" in (answer.error or "")
    assert not answer.transient


def test_a_store_that_stumbles_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/stumbling/inbox/src/info/a.json", b"{}")
    listed, stumbles = objects._listed, threading.Semaphore(1)

    def stumbling(*args: Any) -> Any:
        if stumbles.acquire(blocking=False):
            raise ConnectionResetError("cut")
        return listed(*args)

    monkeypatch.setattr(objects, "_listed", stumbling)
    answer = until_answered(
        lambda _: read_objects("memory://stumbling/inbox", source_id="src", cursor={}), timeout_s=5
    )
    store.rm("/stumbling", recursive=True)
    assert (answer.error, [file.name for file in answer.files]) == (None, ["a.json"])
