"""Commands: output kept, time limited, nothing left behind, no secret shown."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from cbcr_assets.connectors.transports.command import read_command, run_command

PATH = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}


def run(script, **facts):
    facts = {"timeout_s": 10, "environ": PATH, "max_bytes": 1_000_000} | facts
    return run_command(("sh", "-c", script), **facts)


def is_gone(pid):
    """The process is no more within moments: a busy machine buries slowly."""
    deadline = time.monotonic() + 10
    while not _is_gone_now(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_gone_now(pid):
    """The process is no more, or a zombie that only waits for its parent."""
    try:
        with Path(f"/proc/{pid}/stat").open() as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_both_outputs_and_the_exit_code_are_kept():
    result = run("printf 'a\\377'; echo why >&2; exit 3")
    assert (result.rc, result.stdout, result.stderr_tail) == (3, b"a\xff", "why\n")
    assert result.problem is None


def test_a_hanging_command_and_its_children_are_killed_in_time(tmp_path):
    pids = tmp_path / "pids"
    began = time.monotonic()
    result = run(f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; sleep 60", timeout_s=0.5)
    assert time.monotonic() - began < 20
    assert "no end after 0.5 s" in result.problem
    # On a busy machine the polite signal is followed by the other one.
    assert result.rc in (-signal.SIGTERM, -signal.SIGKILL)
    for pid in pids.read_text().split():
        assert is_gone(int(pid))


def test_a_child_that_ignores_the_polite_signal_is_killed_too(tmp_path):
    pid = tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {pid}; while :; do sleep 1; done"
    result = run(script, timeout_s=0.5)
    assert result.rc == -signal.SIGKILL
    assert is_gone(int(pid.read_text()))


def test_a_background_child_that_holds_the_pipe_does_not_hold_us_up(tmp_path):
    pid = tmp_path / "pid"
    began = time.monotonic()
    result = run(f"sleep 60 & echo $! > {pid}; echo done")
    assert time.monotonic() - began < 20
    assert (result.rc, result.stdout, result.problem) == (0, b"done\n", None)
    assert is_gone(int(pid.read_text()))


def test_output_without_end_is_cut_off():
    result = run("yes", max_bytes=100_000)
    assert "more than 100000 bytes" in result.problem
    assert len(result.stdout) < 300_000


def test_only_the_tail_of_the_error_output_is_kept():
    code = "import sys; sys.stderr.write('x' * 500000 + 'end'); print('ok')"
    result = run_command(
        (sys.executable, "-c", code), timeout_s=20, environ=PATH, max_bytes=1_000_000
    )
    assert result.stderr_tail.endswith("end")
    assert len(result.stderr_tail) <= 4096
    assert result.stdout == b"ok\n"


@pytest.mark.parametrize("argv", [("/no/such/tool",), ("/etc",), ("sh\0",)])
def test_a_command_that_cannot_start_says_so(argv):
    result = run_command(argv, timeout_s=5, environ=PATH, max_bytes=10)
    assert result.rc == 127
    assert "cannot be started" in result.problem


def test_there_is_no_shell_and_no_input():
    result = run_command(("cat",), timeout_s=5, environ=PATH, max_bytes=10)
    assert (result.rc, result.stdout) == (0, b"")
    result = run_command(("echo", "$HOME;x"), timeout_s=5, environ=PATH, max_bytes=100)
    assert result.stdout == b"$HOME;x\n"


def test_the_child_sees_only_the_given_environment():
    result = run("echo ${CBCR_X:-none} ${HOME:-nohome}", environ=PATH | {"CBCR_X": "1"})
    assert result.stdout == b"1 nohome\n"


def test_errors_show_no_secrets():
    environ = PATH | {"REPO_PASSPHRASE": "s3cr3t-value"}
    script = 'echo "bad $REPO_PASSPHRASE for postgres://u:pw@h/d --password=hunter2" >&2; exit 1'
    argv = ("sh", "-c", script, "--token=abc123")
    answer = read_command(argv, last_sha256=None, timeout_s=5, environ=environ)
    assert answer.news == ()
    assert answer.heartbeat is None
    shown = f"{answer.error} {answer.command}"
    assert "exit code 1" in shown
    for secret in ("s3cr3t-value", "u:pw", "hunter2", "abc123"):
        assert secret not in shown


def test_the_same_output_is_no_news():
    facts = {"timeout_s": 5, "environ": PATH}
    first = read_command(("echo", "[]"), last_sha256=None, **facts)
    assert [piece.payload for piece in first.news] == ["[]\n"]
    again = read_command(("echo", "[]"), last_sha256=first.cursor["sha256"], **facts)
    assert again.news == ()
    assert again.heartbeat.payload == "[]\n"
