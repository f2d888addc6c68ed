"""Collecting: what is worth an envelope, and feeds that cannot hurt each other."""

import fcntl
import json
import os
import time
from datetime import timedelta

import pytest

from cbcr_assets.connectors.ledger import Ledger
from cbcr_assets.connectors.transports import ask
from cbcr_assets.connectors.transports.collect import collect, feed_key
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.connectors.transports.envelope import read_envelope

PATH = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "home" / "spool"


@pytest.fixture
def run(spool, ledger, now):
    def collected(source, *, later=timedelta(0), environ=PATH):
        report = collect(source, spool=spool, ledger=ledger, now=now + later, environ=environ)
        found = [
            read_envelope(path, source_id="src", kind=path.parent.name, timezone="UTC")
            for path in report.written
        ]
        return report, found

    return collected


@pytest.fixture
def shown(tmp_path, feed):
    """A command feed that shows a file."""
    path = tmp_path / "shown"
    path.write_text("[]")
    return path, feed(kind="info", command=("cat", str(path)))


def test_a_command_is_spooled_when_its_output_changes(run, source, shown, spool):
    path, feed = shown
    _, (first,) = run(source(feed))
    assert (first.payload, first.kind, first.rc, first.error) == ("[]", "info", 0, None)
    assert run(source(feed), later=MINUTE)[1] == []
    path.write_text("[1]")
    _, (changed,) = run(source(feed), later=2 * MINUTE)
    assert changed.payload == "[1]"
    assert [f.path.name for f in offered(spool, "src")] == [first.native_id, changed.native_id]


def test_a_command_does_not_run_more_often_than_asked(run, source, feed, tmp_path):
    counter = tmp_path / "count"
    feeds = source(feed(kind="info", command=("sh", "-c", f"echo x >> {counter}")))
    for seconds in (0, 10, 20, 30, 40, 61):
        run(feeds, later=timedelta(seconds=seconds))
    assert counter.read_text().count("x") == 3
    assert run(feeds, later=timedelta(seconds=62))[0].waiting == 1


def test_unchanged_output_is_sent_again_as_a_sign_of_life(run, source, shown):
    feeds = source(shown[1], stale_after_s=900.0)
    run(feeds)
    assert run(feeds, later=timedelta(seconds=299))[1] == []
    (beat,) = run(feeds, later=timedelta(seconds=340))[1]
    assert (beat.payload, beat.error) == ("[]", None)
    assert run(feeds, later=timedelta(seconds=400))[1] == []


def test_a_failure_is_told_at_once_and_then_with_each_sign_of_life(run, source, shown):
    path, feed = shown
    feeds = source(feed, stale_after_s=900.0)
    run(feeds)
    path.rename(path.with_name("away"))
    report, (failed,) = run(feeds, later=MINUTE)
    assert "exit code 1" in failed.error
    assert (failed.rc, failed.payload) == (1, "")
    assert report.errors == (failed.error,)
    report, found = run(feeds, later=2 * MINUTE)
    assert (found, len(report.errors)) == ([], 1)
    assert len(run(feeds, later=6 * MINUTE)[1]) == 1
    path.with_name("away").rename(path)
    (back,) = run(feeds, later=7 * MINUTE)[1]
    assert (back.error, back.payload) == (None, "[]")


def test_a_hanging_feed_does_not_stop_the_others(run, source, feed, shown, tmp_path):
    log = tmp_path / "x.log"
    log.write_text("line\n")
    feeds = source(
        feed(kind="slow", command=("sleep", "60"), timeout_s=0.5),
        shown[1],
        feed(kind="broken", command=("/no/such/tool",)),
        feed(kind="log", file=str(log)),
        feed(kind="catalog", sql="env:NOT_SET"),
        feed(drop=tmp_path / "inbox"),
    )
    began = time.monotonic()
    report, found = run(feeds)
    assert time.monotonic() - began < 5
    by_kind = {envelope.kind: envelope for envelope in found}
    assert by_kind["info"].payload == "[]"
    assert by_kind["log"].payload == "line\n"
    assert "no end after 0.5 s" in by_kind["slow"].error
    assert "cannot be started" in by_kind["broken"].error
    assert "NOT_SET" in by_kind["catalog"].error
    assert len(report.errors) == 3


def test_a_feed_that_never_comes_back_is_given_up_and_not_started_twice(
    run, source, feed, monkeypatch
):
    calls = []

    def stuck(pattern, **facts):
        calls.append(pattern)
        time.sleep(1.0)
        raise RuntimeError("secret")

    monkeypatch.setattr(ask, "read_logs", stuck)
    monkeypatch.setattr(ask, "_GRACE_S", 0.1)
    feeds = source(feed(kind="log", file="/mnt/dead/*.log", timeout_s=0.1))
    (first,) = run(feeds)[1]
    assert "no answer after 0.1 s" in first.error
    (second,) = run(feeds, later=MINUTE)[1]
    assert "still hangs" in second.error
    assert calls == ["/mnt/dead/*.log"]
    for thread in list(ask._hanging.values()):
        thread.join()
    monkeypatch.setattr(ask, "_GRACE_S", 5)
    (third,) = run(feeds, later=2 * MINUTE)[1]
    assert "RuntimeError" in third.error
    assert "secret" not in third.error


def test_logs_are_spooled_piece_by_piece_as_a_stream(run, source, feed, tmp_path):
    log = tmp_path / "x.log"
    log.write_text("a\n")
    feeds = source(feed(kind="job_log", file=str(log)))
    (first,) = run(feeds)[1]
    assert (first.payload, first.stream) == ("a\n", f"job_log:{log}")
    with log.open("a") as handle:
        handle.write("b\n")
    assert [e.payload for e in run(feeds, later=MINUTE)[1]] == ["b\n"]
    (beat,) = run(feeds, later=7 * MINUTE)[1]
    assert (beat.payload, beat.stream, beat.error) == ("", first.stream, None)


def test_a_crash_between_spooling_and_remembering_doubles_nothing(
    run, source, feed, tmp_path, ledger, monkeypatch
):
    log = tmp_path / "x.log"
    log.write_text("a\n")
    logs = feed(kind="job_log", file=str(log))
    key = feed_key(source(logs), logs)
    remember = Ledger.set_state

    def crash(self, feed, state, *, ran_at=None):
        if feed == key and "pending" not in state:
            raise KeyboardInterrupt
        remember(self, feed, state, ran_at=ran_at)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "set_state", crash)
        with pytest.raises(KeyboardInterrupt):
            run(source(logs))
    assert run(source(logs), later=MINUTE)[1] == []


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_crash_before_spooling_loses_nothing(
    run, source, feed, tmp_path, ledger, spool, monkeypatch, acknowledged
):
    log = tmp_path / "x.log"
    log.write_text("a\n")
    feeds = source(feed(kind="job_log", file=str(log)))
    (first,) = run(feeds)[1]
    key = feed_key(feeds, feeds.feeds[0])
    state = ledger.state(key)
    path = spool / "src" / "job_log" / first.native_id
    ledger.set_state(key, {"pending": {"path": str(path), "cursor": state["cursor"]}})
    if acknowledged:
        ledger.acknowledge(offered(spool, "src"))
    path.unlink()
    again = [e.payload for e in run(feeds, later=MINUTE)[1]]
    assert again == ([] if acknowledged else ["a\n"])


def test_a_full_disk_is_reported_and_what_was_read_is_read_again(
    run, source, feed, shown, tmp_path, monkeypatch
):
    log = tmp_path / "x.log"
    log.write_text("a\n")
    feeds = source(shown[1], feed(kind="job_log", file=str(log)))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        report, found = run(feeds)
    assert found == []
    assert len(report.errors) == 2
    assert "No space left on device" in report.errors[0]
    assert sorted(e.payload for e in run(feeds, later=MINUTE)[1]) == ["[]", "a\n"]


def test_names_keep_their_order_when_the_clock_goes_back(run, source, shown):
    path, feed = shown
    (first,) = run(source(feed))[1]
    path.write_text("[1]")
    (second,) = run(source(feed), later=-MINUTE)[1]
    assert second.native_id > first.native_id


def test_only_one_process_collects_from_a_source(run, source, shown, spool):
    (spool / "src").mkdir(parents=True)
    with (spool / "src" / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        report, found = run(source(shown[1]))
        assert (report.busy, found) == (True, [])
    assert len(run(source(shown[1]))[1]) == 1


def test_a_changed_feed_starts_anew_and_a_moved_one_does_not(source, feed):
    a, b = feed(kind="k", file="/a"), feed(kind="k", file="/b")
    assert feed_key(source(a, b), a) == feed_key(source(b, a), a) != feed_key(source(a, b), b)


def test_acknowledgements_of_vanished_files_are_forgotten(run, source, shown, spool, ledger):
    run(source(shown[1]))
    files = offered(spool, "src")
    ledger.acknowledge(files)
    files[0].path.unlink()
    run(source(shown[1]), later=10 * MINUTE)
    assert ledger.acknowledged(files[0].path)
    run(source(shown[1]), later=70 * MINUTE)
    assert not ledger.acknowledged(files[0].path)


def test_envelopes_carry_the_facts_but_no_secret(run, source, feed, tmp_path):
    command = ("sh", "-c", "echo 5", "--password=hunter2")
    report, (envelope,) = run(
        source(feed(kind="info", command=command), timezone="Europe/Berlin", tool="pgbackrest"),
        environ=PATH | {"VERY_SECRET": "letmein99"},
    )
    text = report.written[0].read_text()
    body = json.loads(text)
    assert (body["tool"], body["tz"], body["command"][0]) == ("pgbackrest", "Europe/Berlin", "sh")
    assert body["host"]
    assert envelope.started_at <= envelope.finished_at
    assert "hunter2" not in text
    assert "letmein99" not in text
