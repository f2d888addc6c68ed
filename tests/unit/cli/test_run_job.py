"""The job wrapper as a backup script uses it: its records are read back by the connector."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.registry import connector
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.connectors.transports.envelope import read_envelope

CBCR = [sys.executable, "-c", "from cbcr_assets.cli import main; main()"]
Wrap = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def wrap(tmp_path: Path) -> Wrap:
    """Start `cbcr run-job` on an inbox of its own."""

    def start(*words: str, kind: str = "backup", tool: str = "") -> "subprocess.Popen[str]":
        options = ["--instance", "db", "--kind", kind, "--source", "jobs"]
        options += ["--tool", tool] if tool else []
        return subprocess.Popen(
            [*CBCR, "run-job", *options, "--inbox", str(tmp_path / "inbox"), "--", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip

    return start


def recorded(tmp_path: Path, table: str = "backup_jobs") -> list[dict[str, Any]]:
    """Return what the connector reads: the begin and the end of one attempt."""
    rows = []
    for file in offered(tmp_path / "inbox", "jobs"):
        envelope = read_envelope(file.path, source_id="jobs", kind=file.kind, timezone="UTC")
        assert isinstance(envelope, Envelope)
        parsed = connector("cbcr").parse(envelope)
        assert parsed.rejects == ()
        if table in parsed.frames:
            rows += parsed.frames[table].to_dicts()
    return rows


def test_a_pipe_runs_and_is_on_record(wrap: Wrap, tmp_path: Path) -> None:
    job = wrap("echo", "hello", "--pipe", "tr", "a-z", "A-Z")
    out, _ = job.communicate(timeout=30)
    assert (job.returncode, out) == (0, "HELLO\n")
    begin, end = recorded(tmp_path)
    assert (begin["state"], end["state"]) == ("running", "succeeded")
    assert begin["attempt_key"] == end["attempt_key"]
    assert begin["backup_type"] == "dump"


def test_a_dump_that_dies_is_a_failure_though_the_last_stage_succeeds(
    wrap: Wrap, tmp_path: Path
) -> None:
    job = wrap("sh", "-c", "echo half; echo 'error: disk gone' >&2; exit 3", "--pipe", "cat")
    out, error = job.communicate(timeout=30)
    assert (job.returncode, out) == (3, "half\n")
    assert "disk gone" in error
    end = recorded(tmp_path)[1]
    assert (end["state"], end["exit_code"]) == ("failed", 3)
    assert "disk gone" in end["error_text"]


def test_a_killed_stage_and_a_program_that_is_not_there(wrap: Wrap, tmp_path: Path) -> None:
    job = wrap("sh", "-c", "kill -9 $$")
    job.communicate(timeout=30)
    assert job.returncode == 137
    assert recorded(tmp_path)[1]["error_class"] == "signal"
    job = wrap("no-such-program", "--pipe", "cat", kind="restore")
    job.communicate(timeout=30)
    assert job.returncode == 127
    ends = [row for row in recorded(tmp_path, "restore_jobs") if row["state"] == "failed"]
    assert "no-such-program cannot be started" in ends[0]["error_text"]


SUMMARY = '{"message_type":"summary","snapshot_id":"552e7858","total_bytes_processed":9}'


@pytest.mark.parametrize(
    ("first", "last", "state", "code"),
    [
        ("true", f"echo '{SUMMARY}'", "succeeded", 0),
        ("true", f"echo '{SUMMARY}'; exit 3", "succeeded_with_warnings", 3),
        ("exit 3", f"echo '{SUMMARY}'", "failed", 3),
        ("true", f"echo /x does not exist, skipping >&2; echo '{SUMMARY}'",
         "succeeded_with_warnings", 0),
    ],
)  # fmt: skip
def test_what_a_known_tool_says_is_in_the_record(
    wrap: Wrap, tmp_path: Path, first: str, last: str, state: str, code: int
) -> None:
    job = wrap("sh", "-c", first, "--pipe", "sh", "-c", last, tool="restic")
    out, _ = job.communicate(timeout=30)
    assert (job.returncode, out) == (code, f"{SUMMARY}\n")
    begin, end = recorded(tmp_path)
    assert begin["tool"] == "restic"
    assert (end["state"], end["backup_label"], end["source_bytes"]) == (state, "552e7858", 9)


def test_a_signal_is_handed_on_and_recorded(wrap: Wrap, tmp_path: Path) -> None:
    job = wrap("sleep", "60")
    child = _child(job)
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=30)
    assert job.returncode == 128 + signal.SIGTERM
    assert not psutil.pid_exists(child)
    assert recorded(tmp_path)[1]["state"] == "failed"


def test_a_killed_wrapper_leaves_the_begin_alone(wrap: Wrap, tmp_path: Path) -> None:
    job = wrap("sleep", "60")
    child = _child(job)
    job.kill()
    job.wait(30)
    os.kill(child, signal.SIGKILL)
    job.communicate()
    assert [row["state"] for row in recorded(tmp_path)] == ["running"]


def test_a_record_that_cannot_be_written_does_not_stop_the_backup(
    wrap: Wrap, tmp_path: Path
) -> None:
    (tmp_path / "inbox").write_text("not a folder")
    job = wrap("echo", "saved")
    out, error = job.communicate(timeout=30)
    assert (job.returncode, out) == (0, "saved\n")
    assert "not on record" in error


def test_an_empty_stage_is_wrong_use(wrap: Wrap, tmp_path: Path) -> None:
    job = wrap("echo", "--pipe")
    _, error = job.communicate(timeout=30)
    assert job.returncode == 2
    assert "a command is missing" in error
    assert not (tmp_path / "inbox").exists()


def _child(job: "subprocess.Popen[str]") -> int:
    """Wait until the wrapped command runs."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in psutil.Process(job.pid).children():
            if child.name() == "sleep":
                return child.pid
        time.sleep(0.05)
    raise AssertionError("the command was not started")
