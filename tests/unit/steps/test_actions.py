"""What people do: role-checked, written down, done once; requested drills and errands."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cbcr_assets.alerting import deeds
from cbcr_assets.alerting.people import deed
from cbcr_assets.alerting.tables import open_store, reading, writing
from cbcr_assets.config.dashboards import Role
from cbcr_assets.records import typed_frame
from cbcr_assets.steps import actions, drills, errands
from cbcr_assets.steps.acting import Desk, NotAllowedError, Outcome, Person
from cbcr_assets.steps.own_alerts import Verdict, tell
from cbcr_assets.steps.platform import Platform, open_platform

NOW = datetime(2026, 6, 15, 12)
ANN = Person("ann", Role.OPERATOR, "id-of-ann")
VIC = Person("vic", Role.VIEWER, "id-of-vic")
ADAM = Person("adam", Role.ADMIN, "id-of-adam")
ALERTING = """
route: {receiver: log, routes: [{matchers: ['team="payments"'], receiver: payments}]}
receivers:
  - {name: log, type: file, path: log.jsonl}
  - {name: payments, type: file, path: payments.jsonl}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    (tmp_path / "cbcr.yaml").write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
    (tmp_path / "alerting.yaml").write_text(ALERTING)
    return open_platform({"CBCR_CONFIG": str(tmp_path / "cbcr.yaml")})


def desk(platform: Platform, person: Person = ANN, *, now: datetime = NOW) -> Desk:
    return Desk(platform, person, now, wait_s=0.2)


def break_rule(platform: Platform, rule: str = "rpo", subject: str = "orders") -> None:
    verdict = Verdict(rule, "instance", subject, "breached", "critical", "it is late")
    tell(platform.alerts(), rule, [verdict], reference=f"{rule}/{subject}", now=NOW)


def written(platform: Platform) -> list[deeds.Deed]:
    with reading(open_store(platform.alert_store)) as con:
        return deeds.newest(con, limit=100)


ACTS: dict[str, Callable[[Desk, str], Outcome]] = {
    "acknowledge": lambda d, key: actions.acknowledge(d, ['rule="rpo"'], key=key),
    "silence": lambda d, key: actions.silence(
        d, ['rule="rpo"'], lasts="2h", comment="we know", key=key
    ),
    "release": lambda d, key: actions.release(d, "ab" * 32, key=key),
    "request_drill": lambda d, key: actions.request_drill(d, "orders", reason="audit", key=key),
    "end_silence": lambda d, key: actions.end_silence(d, "12345678", key=key),
    "withdraw_drill": lambda d, key: actions.withdraw_drill(d, "12345678", key=key),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_viewer_is_refused_and_the_attempt_is_written_down(platform: Platform, name: str) -> None:
    break_rule(platform)
    with pytest.raises(NotAllowedError, match="one must be an operator; vic is a viewer"):
        ACTS[name](desk(platform, VIC), "k")
    (entry,) = written(platform)
    assert (entry.name, entry.subject, entry.role) == ("vic", "id-of-vic", "viewer")
    assert (entry.action, entry.outcome) == (name, "refused")
    assert [view.acked_by for view in platform.alerts().alerts()] == [""]
    assert platform.alerts().silences() == []
    assert drills.requests(platform) == []
    assert errands.waiting(platform) == []


@pytest.mark.parametrize("name", ["acknowledge", "silence", "release", "request_drill"])
def test_an_operator_acts_once_however_often_the_form_is_submitted(
    platform: Platform, name: str
) -> None:
    break_rule(platform)
    first = ACTS[name](desk(platform), "k")
    again = ACTS[name](desk(platform), "k")
    assert first.kind == "done"
    assert again.kind == "again"
    assert first.text in again.text
    (entry,) = written(platform)
    assert (entry.name, entry.role, entry.outcome) == ("ann", "operator", "done")
    assert entry.result == first.text


def test_submitting_at_the_same_time_acts_once(platform: Platform) -> None:
    open_store(platform.alert_store)
    at = Desk(platform, ANN, NOW, wait_s=20)
    start, found = threading.Barrier(4), []

    def submit() -> None:
        start.wait()
        found.append(actions.request_drill(at, "orders", reason="", key="same").kind)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == ["again", "again", "again", "done"]


def test_an_acknowledgement_says_who(platform: Platform) -> None:
    break_rule(platform)
    break_rule(platform, "backup_failed")
    outcome = actions.acknowledge(desk(platform), ['rule="rpo"'], key="k")
    assert outcome == Outcome("done", "Acknowledged 1 alert.")
    found = {view.rule: view.acked_by for view in platform.alerts().alerts()}
    assert found == {"rpo": "ann", "backup_failed": ""}


def test_what_is_over_already_is_said(platform: Platform) -> None:
    outcome = actions.acknowledge(desk(platform), ['rule="rpo"'], key="k")
    assert outcome.kind == "nothing"
    assert "resolved already" in outcome.text
    assert written(platform)[0].outcome == "nothing"


def test_a_silence_lasts_and_can_be_ended(platform: Platform) -> None:
    ACTS["silence"](desk(platform), "k")
    (silence,) = platform.alerts().silences()
    assert (silence.by, silence.comment) == ("ann", "we know")
    assert silence.end - silence.start == timedelta(hours=2)
    later = desk(platform, now=NOW + timedelta(minutes=5))
    assert actions.end_silence(later, silence.id, key="k2").kind == "done"
    after = desk(platform, now=NOW + timedelta(minutes=6))
    assert actions.end_silence(after, silence.id, key="k3").kind == "nothing"


@pytest.mark.parametrize(
    ("matchers", "lasts", "comment", "told"),
    [
        ([], "2h", "x", "say what is meant"),
        (['team!="a"'], "2h", "x", "say what is meant"),
        (['rule=~".*"'], "2h", "x", "say what is meant"),
        (["nonsense"], "2h", "x", "nonsense"),
        (['rule="rpo"'], "2", "x", "not a duration"),
        (['rule="rpo"'], "2h", " ", "say why"),
    ],
)
def test_a_silence_of_everything_or_without_a_reason_is_refused(
    platform: Platform, matchers: list[str], lasts: str, comment: str, told: str
) -> None:
    at = desk(platform)
    outcome = actions.silence(at, matchers, lasts=lasts, comment=comment, key="k")
    assert outcome.kind == "failed"
    assert told in outcome.text
    assert platform.alerts().silences() == []


@contextmanager
def locked(platform: Platform) -> Any:
    """Hold the store as another process that writes does."""
    open_store(platform.alert_store)
    con = sqlite3.connect(platform.home / "alerts.db", isolation_level=None)
    con.execute("begin immediate")
    try:
        yield
    finally:
        con.execute("rollback")
        con.close()


def test_a_locked_store_is_said_and_the_form_can_be_submitted_again(platform: Platform) -> None:
    with locked(platform):
        outcome = ACTS["request_drill"](desk(platform), "k")
    assert outcome.kind == "failed"
    assert "locked" in outcome.text
    assert written(platform) == []
    assert ACTS["request_drill"](desk(platform), "k").kind == "done"


def test_what_was_cut_off_is_unknown_and_not_done_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(actions.drill_requests, "ask", die)
        with pytest.raises(MemoryError):
            ACTS["request_drill"](desk(platform), "k")
    assert written(platform)[0].outcome == "unknown"
    again = ACTS["request_drill"](desk(platform), "k")
    assert again.kind == "again"
    assert "cut off" in again.text


@pytest.mark.parametrize("change", [deed.delete(), deed.update().values(name="nobody")])
def test_the_audit_cannot_be_changed(platform: Platform, change: sa.Executable) -> None:
    ACTS["request_drill"](desk(platform), "k")
    engine = open_store(platform.alert_store)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as con:
        con.execute(change)
    assert written(platform)[0].name == "ann"


def test_the_audit_is_for_admins(platform: Platform) -> None:
    ACTS["request_drill"](desk(platform), "k")
    with pytest.raises(NotAllowedError):
        actions.audit(desk(platform))
    (entry,) = actions.audit(desk(platform, ADAM))
    assert (entry.target, entry.details) == ("orders", '{"reason": "audit", "team": ""}')


def test_the_audit_on_postgresql(platform: Platform, postgres_url: str) -> None:
    there = Platform(platform.config, platform.environ)
    object.__setattr__(there.config, "alert_store", _Reference(postgres_url))
    assert ACTS["request_drill"](desk(there), "k").kind == "done"
    assert ACTS["request_drill"](desk(there), "k").kind == "again"
    engine = open_store(there.alert_store)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(engine) as con:
        con.execute(deed.delete())
    assert written(there)[0].outcome == "done"


class _Reference:
    """A secret reference that leads to a database of this test."""

    def __init__(self, url: str) -> None:
        self._url = url

    def resolve(self, _environ: object) -> str:
        return self._url


# --- drills


def request(platform: Platform, instance: str = "orders", *, at: datetime = NOW) -> Outcome:
    asked = desk(platform, now=at)
    return actions.request_drill(
        asked, instance, reason="audit", key=f"{instance}{at}", team="payments"
    )


class Restores:
    """Stands in for the view of restores."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self._rows = list(rows)

    def rows(self, _sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return [row for row in self._rows if row[0] in parameters["instances"]]


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def test_one_request_an_instance_waits(platform: Platform) -> None:
    assert request(platform).kind == "done"
    second = request(platform, at=hours(1))
    assert second.kind == "nothing"
    assert "ann, since 2026-06-15 12:00 UTC" in second.text
    assert request(platform, "billing").kind == "done"
    assert {one.instance_id for one in drills.requests(platform)} == {"orders", "billing"}


@pytest.mark.parametrize(
    ("restore", "answers"),
    [
        (("orders", "drills/1", hours(1), hours(2)), True),
        (("orders", "drills/1", hours(0), hours(2)), True),
        (("orders", "drills/1", hours(-0.1), hours(2)), False),
        (("orders", "drills/1", None, hours(2)), False),
        (("billing", "drills/1", hours(1), hours(2)), False),
    ],
)
def test_a_verified_restore_that_began_after_it_answers_a_request(
    platform: Platform, restore: tuple[Any, ...], answers: bool
) -> None:
    request(platform)
    told = drills.settle(platform, Restores(restore))
    (one,) = drills.requests(platform, every=True)
    assert bool(told) is answers
    assert (one.state == "answered") is answers
    if answers:
        assert (one.evidence, one.closed_at, one.closed_by) == ("drills/1", hours(2), "")


def test_a_request_is_an_alert_of_its_team_until_it_is_answered(
    platform: Platform, tmp_path: Path
) -> None:
    service = platform.alerts()
    request(platform)
    for minute in (1, 2, 3):
        drills.tell_requests(platform, service, now=NOW + timedelta(minutes=minute))
    (alert,) = service.alerts()
    assert (alert.rule, alert.subject_id, alert.team) == ("drill_requested", "orders", "payments")
    assert (alert.severity, alert.status) == ("info", "breached")
    assert alert.summary == "ann asks for a restore drill of orders: audit"
    drills.settle(platform, Restores(("orders", "drills/1", hours(1), hours(2))))
    drills.tell_requests(platform, service, now=hours(2))
    assert service.alerts() == []
    request(platform, at=hours(3))
    drills.tell_requests(platform, service, now=hours(3))
    assert len(service.alerts()) == 1
    waiting = drills.requests(platform)[0]
    withdrawn = actions.withdraw_drill(desk(platform, now=hours(4)), waiting.id, key="w")
    assert withdrawn.kind == "done"
    drills.tell_requests(platform, service, now=hours(4))
    assert service.alerts() == []


# --- errands


def test_a_release_waits_for_the_watch_lane_and_is_done_once(platform: Platform) -> None:
    entry = {
        "quarantine_id": "ab" * 32, "source_id": "a", "table_name": "backup_jobs",
        "native_id": '["a", "1"]', "rule": "r", "reason": "why", "payload": "{}",
        "observed_at": NOW,
    }  # fmt: skip
    with platform.warehouse.write() as session:
        session.load("quarantine", typed_frame("quarantine", [entry]))
        session.load(
            "backup_jobs", typed_frame("backup_jobs", [{"source_id": "a", "attempt_key": "1"}])
        )
    assert ACTS["release"](desk(platform), "k").kind == "done"
    assert ACTS["release"](desk(platform), "k2").kind == "nothing"
    sql = "select released_at, (select max(ingest_seq) from raw.backup_jobs) from raw.quarantine"
    with platform.warehouse.write() as session:
        ((released_at, before),) = session.rows(sql)
    assert released_at is None
    (told,) = errands.run_errands(platform, now=hours(1))
    assert "asked by ann: the row counts" in told
    with platform.warehouse.write() as session:
        ((released_at, after),) = session.rows(sql)
    assert released_at == hours(1)
    assert after > before
    assert errands.run_errands(platform, now=hours(2)) == []


def test_what_was_released_meanwhile_is_said(platform: Platform) -> None:
    ACTS["release"](desk(platform), "k")
    (told,) = errands.run_errands(platform, now=hours(1))
    assert "released before, or there is no such entry" in told
    assert errands.waiting(platform) == []


def test_what_fails_is_said_and_not_tried_for_ever(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    ACTS["release"](desk(platform), "k")
    monkeypatch.setattr(errands, "release", fail)
    (told,) = errands.run_errands(platform, now=hours(1))
    assert "the disk is full" in told
    assert errands.waiting(platform) == []


def test_a_warehouse_in_use_leaves_the_errand_waiting(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cbcr_assets.warehouse import WarehouseLocked

    @contextmanager
    def busy(_self: object) -> Any:
        raise WarehouseLocked("in use")
        yield

    ACTS["release"](desk(platform), "k")
    monkeypatch.setattr(type(platform.warehouse), "write", busy)
    (told,) = errands.run_errands(platform, now=hours(1))
    assert "later, in use" in told
    assert len(errands.waiting(platform)) == 1
