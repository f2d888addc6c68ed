"""The auditor's report against histories worked out by hand, `cbcr rpo`, and the marts.

June 2025 of a few databases, each with one full backup a day at 00:00 that is done at once and an
objective of 30 h, except where it says so: without a violation there is a point each day.
"""

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from cbcr_assets.assets.report import compliance
from cbcr_assets.cli import main
from cbcr_assets.reports.compliance import (
    ComplianceReport,
    Period,
    ReportError,
    Scope,
    WrongQuestion,
    verify_file,
)
from cbcr_assets.reports.rpo import rpo_compliance
from cbcr_assets.resources import PlatformResource
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import open_platform
from cbcr_assets.steps.reporting import issue_report, make_report, why_no_report
from cbcr_assets.steps.watch import sync_inventory

pytestmark = pytest.mark.slow

NOW = datetime(2025, 7, 3, 6)
BEGIN, END = datetime(2025, 6, 1), datetime(2025, 7, 1)
JUNE = Period(BEGIN, END)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAY_S, HOUR_S = 86400.0, 3600.0
MONTH_S = 30 * DAY_S
CONFIG = """
sources:
  a: {tool: cbcr, stale_after: 7d, feeds: [{drop: inbox}]}
  silent: {tool: pgbackrest, stale_after: 1h, feeds: [{drop: inbox}]}
reports: {signed_off_by: ["Ada Lovelace"]}
"""
INVENTORY = """
defaults: {timezone: UTC, grace: 1h, team: red, tier: 1, rpo: 30h, rto: 1h, db_type: postgresql,
  protect_from: 2025-05-01T00:00:00Z, full_schedule: "0 0 * * *"}
instances:
  - {id: kept}
  - {id: broken, team: blue, tier: 2}
  - {id: open, team: blue, tier: 3}
  - {id: never}
  - {id: maintained, exclusions: [{start: 2025-06-10T00:00:00Z, stop: 2025-06-12T00:00:00Z,
      reason: "=move, of storage"}, {start: 2025-06-11T00:00:00Z, stop: 2025-06-12T12:00:00Z,
      reason: disks}]}
  - {id: off, exclusions: [{start: 2025-05-30T00:00:00Z, stop: 2025-07-02T00:00:00Z, reason: off}]}
  - {id: new, protect_from: 2025-06-16T00:00:00Z}
  - {id: left, retired_at: 2025-06-21T00:00:00Z}
  - {id: gone, retired_at: 2025-05-21T00:00:00Z}
  - {id: blind, aliases: [{source: silent, name: blind-stanza}]}
  - {id: blind-broken, aliases: [{source: silent, name: other}]}
"""


def backups(name: str, *days: datetime, source: str = "a") -> list[dict[str, Any]]:
    return [
        {"source_id": source, "repo": "r", "label": f"{name}-{day:%m%d}", "instance_id": name,
         "native_instance": name, "backup_type": "dump", "integrity": "ok",
         "lifecycle": "available", "started_at": day, "finished_at": day,
         "recovery_point_at": day, "first_seen_at": day, "last_seen_at": day}
        for day in days
    ]  # fmt: skip


def attempts(name: str, *days: datetime, **more: Any) -> list[dict[str, Any]]:
    return [
        {"source_id": "a", "attempt_key": f"{name}-{day:%m%d}", "native_instance": name,
         "instance_id": name, "tool": "t", "backup_type": "full", "state": "succeeded",
         "started_at": day, "finished_at": day + timedelta(minutes=5), "first_seen_at": day,
         "last_seen_at": day, **more}
        for day in days
    ]  # fmt: skip


def restore(name: str, asked: datetime, took: timedelta, **more: Any) -> dict[str, Any]:
    return {
        "source_id": "a", "restore_key": f"{name}-{asked:%m%d}", "native_instance": name,
        "instance_id": name, "purpose": "drill", "requested_at": asked, "state": "succeeded",
        "verified_at": asked + took, "verification": "passed", "bytes": 10**9,
        "first_seen_at": asked + took, **more,
    }  # fmt: skip


def days(first: datetime, until: datetime, *, without: tuple[int, ...] = ()) -> list[datetime]:
    count = (until - first).days
    return [first + DAY * i for i in range(count) if (first + DAY * i).day not in without]


def rows() -> dict[str, list[dict[str, Any]]]:
    every = days(datetime(2025, 5, 1), NOW)
    june = days(BEGIN, END)
    good = ("kept", "maintained", "off", "left", "gone", "unpromised")
    sets = [row for name in good for row in backups(name, *every)]
    sets += backups("new", *days(datetime(2025, 6, 16), NOW))
    # None on the 10th: from the 10th 06:00 to the 11th 00:00 the point of the 9th was too old.
    sets += backups("broken", *(d for d in every if d != datetime(2025, 6, 10)))
    # The last one is of the 28th: violated from the 29th 06:00 on, and still in July.
    sets += backups("open", *days(datetime(2025, 5, 1), datetime(2025, 6, 29)))
    # Heard until the 20th: what came later, nobody knows. One was late before that.
    sets += backups("blind", *days(datetime(2025, 5, 1), datetime(2025, 6, 20)), source="silent")
    sets += backups(
        "blind-broken", *days(datetime(2025, 5, 1), datetime(2025, 6, 20), without=(5,)),
        source="silent",
    )  # fmt: skip
    pulls = [
        {"pull_id": "1", "source_id": "a", "kind": "k", "started_at": NOW, "finished_at": NOW,
         "ok": True, "complete": True},
        {"pull_id": "2", "source_id": "silent", "kind": "k", "ok": True, "complete": True,
         "started_at": datetime(2025, 6, 20), "finished_at": datetime(2025, 6, 20)},
    ]  # fmt: skip
    jobs = attempts("kept", *(d for d in june if d.day not in (4, 5, 6)))
    jobs += attempts("kept", datetime(2025, 6, 5), state="failed")
    jobs += attempts("kept", datetime(2025, 6, 5, 1))
    jobs[-1]["attempt_key"] = "again"
    jobs += attempts("kept", datetime(2025, 6, 6), state="failed")
    return {
        # An inventory is refused without an objective; what older ones left behind is not.
        "instances": [{"instance_id": "unpromised", "team": "red", "tier": 1,
                       "protect_from": datetime(2025, 5, 1)}],
        "backup_sets": sets,
        "backup_jobs": jobs,
        "pulls": pulls,
        "restore_jobs": [
            restore("kept", BEGIN + 3 * DAY, 30 * timedelta(minutes=1)),
            restore("kept", BEGIN + 9 * DAY, 2 * HOUR),
            restore("broken", BEGIN + 4 * DAY, HOUR, state="failed", verification="none",
                    verified_at=None, restored_at=BEGIN + 4 * DAY + HOUR),
            restore("open", BEGIN - 9 * DAY, HOUR),
            restore("maintained", BEGIN + 5 * DAY, HOUR, verification="none", verified_at=None,
                    recovered_at=BEGIN + 5 * DAY + HOUR),
            restore("left", END + HOUR, HOUR),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any]) -> Any:
    made = make_built()
    config = made.platform.config.file
    config.write_text(CONFIG)
    made.platform = open_platform(made.platform.environ)
    made.platform.config.inventory.write_text(INVENTORY)
    assert sync_inventory(made.platform, now=NOW) is not None
    made.load(rows())
    made.build(as_of=NOW)
    made.platform.warehouse.publish(now=NOW)
    return made


@pytest.fixture(scope="module")
def june(built: Any) -> ComplianceReport:
    return make_report(built.platform, period=JUNE, now=NOW)


def one(frame: pl.DataFrame, name: str) -> dict[str, Any]:
    found = frame.filter(pl.col("instance_id") == name)
    assert found.height == 1, name
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("name", "state", "measured_s", "violation_s"),
    [
        ("kept", "kept", MONTH_S, 0),
        ("broken", "broken", MONTH_S, 18 * HOUR_S),
        ("open", "broken", MONTH_S, 42 * HOUR_S),
        ("never", "broken", MONTH_S, MONTH_S),
        ("maintained", "kept", MONTH_S - 2.5 * DAY_S, 0),
        ("off", "excluded", 0, 0),
        ("new", "kept", 15 * DAY_S, 0),
        ("left", "kept", 20 * DAY_S, 0),
        ("gone", "excluded", 0, 0),
        ("unpromised", "unknown", 0, 0),
        ("blind", "unknown", MONTH_S, 11 * DAY_S - 30 * HOUR_S + DAY_S),
        ("blind-broken", "broken", MONTH_S, 18 * HOUR_S + 12 * DAY_S - 30 * HOUR_S),
    ],
)
def test_each_instance_is_judged_as_worked_out_by_hand(
    june: ComplianceReport, name: str, state: str, measured_s: float, violation_s: float
) -> None:
    found = one(june.instances, name)
    assert found["state"] == state, found["reason"]
    assert found["measured_s"] == measured_s
    assert found["violation_s"] == violation_s
    assert (found["compliance"] is None) == (measured_s == 0)
    assert found["excluded_s"] == found["protected_s"] - measured_s
    if state in ("unknown", "excluded"):
        assert found["reason"]


def test_nobody_is_dropped(june: ComplianceReport, built: Any) -> None:
    everybody = {row[0] for row in built.query("select instance_id from marts.dim_instances")}
    assert set(june.instances["instance_id"]) == everybody
    assert june.instances.height == len(everybody) == 12
    for name, count in (
        ("databases", 12), ("databases_kept", 4), ("databases_broken", 4),
        ("databases_unknown", 2), ("databases_excluded", 2), ("share_kept_of_all", 4 / 10),
        ("databases_measured", 9), ("databases_without_violation", 4),
    ):  # fmt: skip
        assert june.figure(name) == count, name


def test_what_was_left_out_is_told_with_its_reason(june: ComplianceReport) -> None:
    found = {
        (row["instance_id"], row["state"], row["reason"], row["duration_s"] / DAY_S)
        for row in june.exclusions.iter_rows(named=True)
    }
    assert found == {
        ("maintained", "maintenance", "=move, of storage", 2.0),
        ("maintained", "maintenance", "disks", 1.5),
        ("off", "maintenance", "off", 30.0),
        ("new", "onboarding", "protected from 2025-06-16 00:00Z on", 15.0),
        ("new", "grace", "new: one objective at most, or until its first backup, counts as kept",
         1.25),
        ("left", "retired", "retired at 2025-06-21 00:00Z", 10.0),
        ("gone", "retired", "retired at 2025-05-21 00:00Z", 30.0),
        ("unpromised", "unmeasured", "no recovery point objective was promised", 30.0),
        ("blind", "unseen", "no source told anything since 2025-06-20 00:00Z; counted as known"
         " then", 11.0),
        ("blind-broken", "unseen", "no source told anything since 2025-06-20 00:00Z; counted as"
         " known then", 11.0),
    }  # fmt: skip


def test_violations_have_causes_and_add_up_to_the_violated_time(june: ComplianceReport) -> None:
    sums = june.violations.group_by("instance_id").agg(pl.col("duration_s").sum())
    told = june.instances.filter(pl.col("violation_s") > 0)
    assert dict(sums.iter_rows()) == dict(told.select("instance_id", "violation_s").iter_rows())
    assert dict(told.select("instance_id", "violations").iter_rows()) == dict(
        june.violations["instance_id"].value_counts().iter_rows()
    )
    late = one(june.violations, "broken")
    assert (late["started_at"], late["ended_at"]) == (
        datetime(2025, 6, 10, 6), datetime(2025, 6, 11),
    )  # fmt: skip
    assert late["reason"] == "missed"
    goes_on = one(june.violations, "open")
    assert (goes_on["ended_at"], goes_on["is_open"], goes_on["reason"]) == (None, True, "not_ended")


def test_restores_of_the_period_are_told_apart(june: ComplianceReport) -> None:
    states = dict(june.instances.select("instance_id", "restore_state").iter_rows())
    assert {name: states[name] for name in ("kept", "broken", "open", "maintained", "left")} == {
        "kept": "proven", "broken": "failed", "open": "earlier", "maintained": "unproven",
        "left": "never",
    }  # fmt: skip
    assert june.restores.height == 4
    assert (june.figure("rto_kept"), june.figure("rto_missed")) == (1, 2)
    assert june.figure("rto_worst_s") == 2 * HOUR_S
    assert june.figure("databases_restore_never") == 6


def test_backups_are_those_of_the_days_of_the_period(june: ComplianceReport) -> None:
    kept = one(june.instances, "kept")
    # The 4th has no attempt, the 5th was good at the second one, the 6th failed.
    told = {name: kept[name] for name in ("scheduled", "first_try", "eventual", "missed", "failed")}
    assert told == {"scheduled": 30, "first_try": 27, "eventual": 28, "missed": 1, "failed": 2}
    assert june.figure("backup_days") == 30


def test_report_rpo_and_pages_say_the_same(
    june: ComplianceReport, built: Any, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The one comparison of all three: the report, `cbcr rpo`, and the mart that pages read."""
    monkeypatch.setenv("CBCR_CONFIG", str(built.platform.config.file))
    words = ["cbcr", "rpo", "--from", "2025-06-01", "--to", "2025-07-01", "--format", "json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        main()
    names = ("measured_s", "violation_s", "compliance", "worst_exposure_s")
    by_command = {row["instance_id"]: row for row in json.loads(capsys.readouterr().out)}
    by_mart = {
        row[0]: row[1:]
        for row in built.query(
            "select instance_id, sum(measured_s), sum(violation_s),"
            " 1 - sum(violation_s) / nullif(sum(measured_s), 0), max(worst_exposure_s)"
            " from marts.fct_rpo_compliance_daily"
            " where day >= date '2025-06-01' and day < date '2025-07-01' group by 1"
        )
    }
    assert len(by_command) == 12
    for row in june.instances.iter_rows(named=True):
        name = row["instance_id"]
        assert [row[n] for n in names] == [by_command[name][n] for n in names]
        if row["measured_s"]:
            assert [row[n] for n in names] == pytest.approx(by_mart[name], abs=1e-9)
        else:
            assert by_mart.get(name, (0.0,))[0] == 0


@pytest.mark.parametrize("scope", [Scope(), Scope(teams=("blue",)), Scope(tiers=(1,))])
def test_figures_of_the_fleet_are_those_of_the_mart(scope: Scope, built: Any) -> None:
    member = scope.teams[0] if scope.teams else str(scope.tiers[0]) if scope.tiers else "all"
    for day in (datetime(2025, 6, 10), datetime(2025, 6, 30)):
        found = make_report(
            built.platform, period=Period(day, day + DAY), scope=scope, now=NOW
        )  # fmt: skip
        [mart] = built.query(
            "select instances, instances_kept, share_kept, measured_s, violation_s, compliance,"
            " tier_weighted_compliance, worst_compliance, worst_instance_id"
            f" from marts.fct_rpo_fleet_daily where member = '{member}' and day = '{day:%Y-%m-%d}'"
        )
        names = (
            "databases_measured", "databases_without_violation", "share_without_violation",
            "measured_s", "violation_s", "compliance", "tier_weighted_compliance",
            "worst_compliance",
        )  # fmt: skip
        assert [found.figure(name) for name in names] == pytest.approx(mart[:-1], abs=1e-12)
        worst = found.instances.filter(pl.col("worst_rank") == 1)
        assert worst["compliance"].item() == mart[-2]


def test_a_part_of_a_day_is_exact_and_its_backups_are_unknown(built: Any) -> None:
    period = Period(datetime(2025, 6, 10, 5), datetime(2025, 6, 10, 8))
    found = make_report(built.platform, period=period, now=NOW)
    assert one(found.instances, "broken")["violation_s"] == 2 * HOUR_S
    assert found.figure("backups_scheduled") is None
    assert found.instances["scheduled"].null_count() == found.instances.height
    with built.platform.warehouse.read() as session:
        frame = rpo_compliance(session, begin=period.begin, end=period.end)
    columns = ["instance_id", "measured_s", "violation_s"]
    assert (
        found.instances.select(columns)
        .sort("instance_id")
        .equals(frame.select(columns).sort("instance_id"))
    )


def test_the_same_period_and_data_give_the_same_hash(june: ComplianceReport, built: Any) -> None:
    built.platform.warehouse.publish(now=NOW)
    again = make_report(built.platform, period=JUNE, now=NOW + DAY, signed_off_by=("B",))
    assert again.content_sha256 == june.content_sha256
    assert again.document_sha256 != june.document_sha256
    assert again.issue.data_version == june.issue.data_version + 1


def test_definitions_have_the_versions_of_the_build(june: ComplianceReport) -> None:
    assert june.definitions.height == 6
    assert june.definitions["value"].str.contains("^sha256:[0-9a-f]{64}$").all()
    root = Path(analytics.__file__).resolve().parents[2]
    for page in june.definitions["reason"]:
        file, _, anchor = page.partition("#")
        heads = [
            line.lstrip("# ").lower().replace("(", "").replace(")", "").replace(" ", "-")
            for line in (root / file).read_text().splitlines()
            if line.startswith("#")
        ]
        assert not anchor or anchor in heads, page


def test_the_monthly_asset_issues_once_and_tells_hash_rows_and_files(built: Any) -> None:
    resources = {"platform": PlatformResource(config=str(built.platform.config.file))}
    metadata = []
    for _ in range(2):
        done = dg.materialize([compliance], partition_key="2025-06", resources=resources)
        [event] = done.get_asset_materialization_events()
        metadata.append({k: v.value for k, v in event.materialization.metadata.items()})
    first, second = metadata
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert first["content_sha256"] == second["content_sha256"]
    assert first["rows_instances"] == 12
    assert event.materialization.tags["dagster/data_version"] == first["content_sha256"]
    for fmt in ("pdf", "csv", "parquet"):
        path = Path(first[f"file_{fmt}"])
        assert path.parent == built.platform.home / "reports"
        assert "2025-06" in path.name
        found = verify_file(path)
        assert found.ok
        assert found.content_sha256 == first["content_sha256"]
        assert found.report is not None
        assert found.report.issue.signed_off_by == ("Ada Lovelace",)


def test_what_was_issued_is_never_replaced(built: Any) -> None:
    issued = issue_report(built.platform, period=JUNE, now=NOW)
    path = next(path for path in issued.files if path.suffix == ".csv")
    before = path.read_bytes()
    path.write_bytes(before.replace(b",kept,", b",best,"))
    with pytest.raises(ReportError, match=r"is not as it was issued.*Move it away"):
        issue_report(built.platform, period=JUNE, now=NOW)
    path.unlink()
    again = issue_report(built.platform, period=JUNE, now=NOW + DAY)
    assert again.is_new
    assert path.read_bytes() == before  # made from the others: one document
    assert again.report.document_sha256 == issued.report.document_sha256
    pdf = next(path for path in issued.files if path.suffix == ".pdf")
    signed = pdf.read_bytes() + b"\n% a digital signature is appended\n"
    pdf.write_bytes(signed)
    assert not issue_report(built.platform, period=JUNE, now=NOW).is_new
    assert pdf.read_bytes() == signed
    assert not list(path.parent.glob("*.partial"))


@pytest.mark.parametrize(
    ("period", "scope", "told"),
    [
        (Period(BEGIN, NOW + DAY), Scope(), "later than the published data"),
        (Period(datetime(2024, 1, 1), datetime(2024, 2, 1)), Scope(), "nothing was measured"),
        (JUNE, Scope(teams=("reed",)), "did you mean 'red'"),
        (JUNE, Scope(tiers=(9,)), "there are 1, 2, 3"),
        (JUNE, Scope(teams=("blue",), tiers=(1,)), "holds nothing for team blue, tier 1"),
    ],
)
def test_a_question_without_an_answer_is_told(
    built: Any, period: Period, scope: Scope, told: str
) -> None:
    with pytest.raises(ReportError, match=told):
        make_report(built.platform, period=period, scope=scope, now=NOW)


def test_a_period_that_ends_before_it_begins_is_none() -> None:
    with pytest.raises(WrongQuestion, match="later than --from"):
        Period(END, BEGIN)


def test_the_schedule_knows_when_there_can_be_no_report(built: Any) -> None:
    assert why_no_report(built.platform, period=JUNE) is None
    july = Period(END, datetime(2025, 8, 1))
    assert "do not reach" in str(why_no_report(built.platform, period=july))
    before = Period(datetime(2025, 4, 1), datetime(2025, 5, 1))
    assert "nothing was protected" in str(why_no_report(built.platform, period=before))


def test_what_was_let_go_is_unknown_and_not_nothing(
    built: Any, june: ComplianceReport, tmp_path: Path
) -> None:
    shutil.copytree(built.platform.config.file.parent, tmp_path / "copy")
    environ = {"CBCR_CONFIG": str(tmp_path / "copy" / "cbcr.yaml"), "PATH": "/usr/bin:/bin"}
    copy = open_platform(environ)
    with copy.warehouse.write() as session:
        session.execute("delete from marts.fct_backup_success_daily where day < '2025-06-05'")
        session.execute("delete from marts.fct_rpo_violations where ended_at < '2025-06-15'")
    copy.warehouse.publish(now=NOW)
    found = make_report(copy, period=JUNE, now=NOW)
    assert found.figure("backups_scheduled") is None
    assert found.figure("eventual_share") is None
    assert found.instances["missed"].null_count() == found.instances.height
    assert one(found.violations, "broken")["reason"] == "not_recorded"
    assert found.figure("violation_s") == june.figure("violation_s")
    later = make_report(copy, period=Period(datetime(2025, 6, 5), END), now=NOW)
    assert later.figure("backups_scheduled") is not None


def test_the_command_writes_and_verifies(
    built: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(built.platform.config.file))
    out = tmp_path / "june.csv"

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["cbcr", "report", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return int(stopped.value.code or 0), told.out + told.err

    period = ("--from", "2025-06-01", "--to", "2025-07-01")
    code, told = run(*period, "--out", str(out), "--team", "blue", "--signed-off-by", "Ada")
    assert code == 0, told
    instances = [
        row for row in csv.DictReader(io.StringIO(out.read_text())) if row["record"] == "instance"
    ]
    assert {row["instance_id"] for row in instances} == {"broken", "open"}
    assert run("--verify", str(out))[0] == 0
    out.write_text(out.read_text().replace("broken", "kept"))
    code, told = run("--verify", str(out))
    assert code == 1
    assert "NOT genuine" in told
    assert run(*period, "--out", str(tmp_path / "june.docx"))[0] == 2
    assert run(*period, "--out", str(out), "--signed-off-by", " ")[0] == 2
    assert run(*period)[0] == 2
