"""The recorded pgBackRest lab, pulled and built: what its README says is what the marts say."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.connectors.pgbackrest import PgBackRest
from cbcr_assets.connectors.pull import pull
from cbcr_assets.connectors.transports.drop import offered

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).resolve().parents[1] / "recorded" / "pgbackrest"
DONE = datetime(2026, 11, 23, 4, 45, 5)


def text(name: str) -> str:
    path = RECORDED / name
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    return path.read_text()


@pytest.fixture(scope="module")
def lab(make_built: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    built = make_built()
    inbox = tmp_path_factory.mktemp("inbox")
    pieces = (
        ("info", "info_before_restore.json", DONE - timedelta(minutes=1)),
        ("backup_log", "orders-backup.log.gz", DONE),
        ("restore_log", "orders-restore.log.gz", DONE),
        ("expire_log", "orders-expire.log", DONE),
        ("verify_log", "orders-verify.log", DONE),
        ("info", "info_final.json", DONE),
    )
    for number, (kind, name, at) in enumerate(pieces):
        payload = json.loads(text(name)) if kind == "info" else text(name)
        stamp = at.isoformat() + "Z"
        envelope = {"source_id": "a", "started_at": stamp, "finished_at": stamp, "payload": payload,
                    "stream": "" if kind == "info" else name}  # fmt: skip
        folder = inbox / "a" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"2026{number}.json").write_text(json.dumps(envelope))
    instance = {
        "instance_id": "orders-db",
        "rpo_s": 3600.0,
        "protect_from": DONE - timedelta(hours=1),
    }
    alias = {"source_id": "a", "native_instance": "orders", "instance_id": "orders-db"}
    built.load({"instances": [instance], "instance_aliases": [alias]})
    report = pull(
        built.platform.warehouse, "a", PgBackRest(), offered(inbox, "a"),
        timezone="UTC", now=DONE, acknowledge=lambda files: None,
    )  # fmt: skip
    assert report.ok, report.errors
    built.build(as_of=DONE)
    return built


def test_thirteen_attempts_seven_succeeded_four_failed_one_cancelled_one_lost(lab: Any) -> None:
    attempts = lab.query("select state, is_success, error_code from marts.fct_backup_attempts")
    states = Counter("succeeded" if ok else state for state, ok, _ in attempts)
    assert states == {"succeeded": 7, "failed": 4, "cancelled": 1, "lost": 1}
    codes = Counter(code for state, _, code in attempts if state == "failed")
    assert codes == {"050": 2, "056": 1, "064": 1}


def test_the_catalog_keeps_two_and_remembers_five(lab: Any) -> None:
    found = lab.query(
        "select usable_until is null, count(*) from marts.fct_recovery_points group by 1"
    )
    assert dict(found) == {True: 2, False: 5}
    reasons = {
        row[0]
        for row in lab.query(
            "select unusable_reason from marts.fct_recovery_points where usable_until is not null"
        )
    }
    assert reasons <= {"corrupt", "parent_corrupt", "expired", "parent_expired"}


def test_five_restores_none_of_which_proves_anything(lab: Any) -> None:
    drills = lab.query("select state, error_code, rto_s, meets_rto from marts.fct_restore_drills")
    assert Counter((state, code) for state, code, *_ in drills) == {
        ("succeeded", None): 3, ("failed", "075"): 1, ("failed", "040"): 1,
    }  # fmt: skip
    assert all(rto is None for _, _, rto, _ in drills)


def test_the_newest_recovery_point_is_the_last_full(lab: Any) -> None:
    newest = lab.query("select label, exposure_s from live.live_rpo_status", as_of=DONE)
    assert newest[0][0] == "20261123-044435F"
    assert newest[0][1] == pytest.approx((DONE - datetime(2026, 11, 23, 4, 44, 40)).total_seconds())
