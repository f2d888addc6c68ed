"""What is kept current equals what is computed from all history, row for row, build after build.

Random histories of backup sets, archives, attempts and promises arrive in pieces: late, changed
afterwards, refused by the contract and let go. After each piece the live status is read before the
build; after it, the history is compared with a full refresh of a copy.
"""

import random
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow

START = datetime(2026, 5, 1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
COUNT = 120
BUILDS = [START + DAY * days for days in (12, 13, 13.1, 13.15, 19.6, 28.4, 29)]
COMPARED = {
    "intermediate.int_backup_chains": "* exclude (is_in_sight)",
    "intermediate.int_archive_stretches": "*",
    "intermediate.int_rpo_intervals": "*",
    "intermediate.int_failed_labels": "* exclude (ingest_seq)",
    "marts.fct_recovery_points": "*",
    "marts.fct_rpo_violations": "*",
    "marts.fct_rpo_compliance_daily": "*",
    "live.live_rpo_status": "*",
}
# What was said at a moment: table, row.
Told = tuple[datetime, str, dict[str, Any]]


def sets_of(chance: random.Random, name: str) -> list[Told]:
    """Backup sets that appear, expire, are found corrupt, some much later than they happened."""
    told: list[Told] = []
    moment, full = START - HOUR * chance.uniform(0, 40), None
    every = HOUR * chance.choice((6, 12, 24, 60))
    kept = DAY * chance.choice((2, 6, 15, 60))
    while moment < BUILDS[-1]:
        moment += every * chance.uniform(0.7, 1.3)
        if chance.random() < 0.12:
            moment += every * chance.choice((1, 3, 6))
        took = HOUR * chance.choice((0.1, 1, 9))
        kind = chance.choice(("full", "incr", "incr", "dump")) if full else "full"
        label = f"{name}-{moment:%d%H%M%S}"
        row = {
            "source_id": "a", "repo": "r", "label": label, "instance_id": name,
            "native_instance": name, "backup_type": kind, "started_at": moment,
            "finished_at": moment + took, "lifecycle": "available", "integrity": "unchecked",
            "recovery_point_at": moment if kind == "dump" else moment + took,
            "parent_label": full if kind == "incr" else None,
            "expires_at": moment + kept if chance.random() < 0.2 else None,
        }  # fmt: skip
        full = label if kind == "full" else full
        seen = moment + took + late(chance)
        told.append((seen, "backup_sets", row | {"first_seen_at": seen, "last_seen_at": seen}))
        if chance.random() < 0.8:
            gone = moment + took + kept * chance.uniform(0.5, 1.2)
            found = max(gone, seen) + late(chance)
            told.append((found, "backup_sets", row | {
                "lifecycle": "expired", "unusable_from": gone, "first_seen_at": seen,
                "last_seen_at": found}))  # fmt: skip
        if chance.random() < 0.06:
            found = seen + HOUR * chance.uniform(1, 300)
            told.append((found, "backup_sets", row | {
                "integrity": "corrupt", "unusable_from": found - HOUR, "first_seen_at": seen,
                "last_seen_at": found}))  # fmt: skip
        told += attempts_of(chance, row, seen)
    return told


def attempts_of(chance: random.Random, made: dict[str, Any], seen: datetime) -> list[Told]:
    """What a log says of the run that made a set; sometimes that it failed all the same."""
    base = {
        "instance_id": made["instance_id"], "native_instance": made["native_instance"],
        "backup_type": made["backup_type"], "started_at": made["started_at"],
        "finished_at": made["finished_at"], "backup_label": made["label"], "tool": "t",
        "first_seen_at": seen, "last_seen_at": seen,
    }  # fmt: skip
    told: list[Told] = []
    if chance.random() < 0.7:
        row = {"source_id": "a", "attempt_key": made["label"], "state": "succeeded"}
        told.append((seen + late(chance), "backup_jobs", base | row))
    if chance.random() < 0.08:
        row = {"source_id": "b", "attempt_key": made["label"], "state": "failed"}
        told.append((seen + late(chance), "backup_jobs", base | row))
    return told


def archive_of(chance: random.Random, name: str) -> list[Told]:
    """Looks at a log archive that stalls now and then, and begins anew after a gap."""
    told: list[Told] = []
    moment, begun = START + HOUR * chance.uniform(0, 90), START - DAY
    reached = moment
    while moment < BUILDS[-1]:
        moment += HOUR * chance.choice((1, 2, 5))
        if chance.random() < 0.9:
            reached = moment - timedelta(minutes=chance.choice((1, 10, 50)))
        if chance.random() < 0.03:
            begun = moment - HOUR
        row = {
            "source_id": "a", "native_instance": name, "instance_id": name, "kind": "wal",
            "sampled_at": moment, "archived_to_at": reached, "archived_from_at": begun,
        }  # fmt: skip
        told.append((moment + late(chance), "log_archive", row))
    return told


def late(chance: random.Random) -> timedelta:
    """Mostly minutes, sometimes days, rarely weeks."""
    draw = chance.random()
    hours = 0.1 if draw < 0.85 else chance.uniform(1, 90) if draw < 0.97 else 400
    return HOUR * hours


def instance_of(chance: random.Random, name: str) -> list[Told]:
    """A promise, and what becomes of it."""
    row: dict[str, Any] = {
        "instance_id": name, "rpo_s": 3600.0 * chance.choice((5, 14, 26, 50)), "rto_s": 3600.0,
        "protect_from": START + HOUR * chance.choice((0, 0, 30, 250)), "timezone": "UTC",
        "grace_s": 3600.0, "retired_at": None, "exclusions": [],
    }  # fmt: skip
    told: list[Told] = [(START, "instances", row)]
    if chance.random() < 0.15:
        told.append((START + DAY * chance.uniform(12, 28), "instances", row | {"rpo_s": 36_000.0}))
    if chance.random() < 0.2:
        begin = START + DAY * chance.uniform(1, 27)
        window = {"start": begin, "stop": begin + HOUR * chance.uniform(1, 40), "reason": "m"}
        told.append((begin - HOUR, "instances", row | {"exclusions": [window]}))
    if chance.random() < 0.15:
        moment = START + DAY * chance.uniform(12, 28)
        told.append((moment, "instances", row | {"retired_at": moment}))
    return told


def history() -> list[Told]:
    chance = random.Random(7)
    told: list[Told] = []
    for number in range(COUNT):
        name = f"i{number:03d}"
        told += instance_of(chance, name)
        if chance.random() < 0.93:
            told += sets_of(chance, name)
        if chance.random() < 0.25:
            told += archive_of(chance, name)
    return sorted(told, key=lambda one: one[0])


def load(built: Any, told: list[Told]) -> None:
    """Load what was said in its order; of one row said twice the newest is loaded last."""
    newest: list[dict[tuple[str, ...], Told]] = [{}]
    for one in told:
        key = (one[1], *(str(one[2].get(k)) for k in
               ("source_id", "label", "attempt_key", "instance_id", "sampled_at")))  # fmt: skip
        if key in newest[-1]:
            newest.append({})
        newest[-1][key] = one
    for part in newest:
        rows: dict[str, list[dict[str, Any]]] = {}
        for _, table, row in part.values():
            rows.setdefault(table, []).append(row)
        built.load(rows)


def run(built: Any, now: datetime, *words: str) -> None:
    """Build what RPO needs at a moment, going on from the build before."""
    report = analytics.dbt(built.platform, [
        "run", "--select", "+fct_rpo_violations", "+fct_rpo_compliance_daily",
        "+fct_recovery_points", "+live_rpo_status", "+int_rpo_restated_steps",
        "--vars", f"{{cbcr_as_of: '{now}', cbcr_goes_on: true}}", *words,
    ])  # fmt: skip
    assert report.ok, report.output


def said(built: Any, now: datetime) -> dict[str, pl.DataFrame]:
    with built.platform.warehouse.live(as_of=now) as session:
        return {
            name: session.query(f"select {columns} from {name} order by all")
            for name, columns in COMPARED.items()
        }


@pytest.fixture(scope="module")
def builds(make_built: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each build: the live status before it, what it says, and what a full refresh says."""
    kept, copy = make_built(), make_built()
    analytics.prepare(copy.platform)
    told, results, last = history(), [], START
    for number, now in enumerate(BUILDS):
        load(kept, [one for one in told if last <= one[0] < now or (not number and one[0] < now)])
        if number == 3:
            refuse(kept, now, released=False)
        if number == 5:
            refuse(kept, now, released=True)
        before = said(kept, now)["live.live_rpo_status"] if number else None
        run(kept, now)
        after = said(kept, now)
        shutil.copyfile(kept.platform.config.warehouse, copy.platform.config.warehouse)
        run(copy, now, "--full-refresh")
        results.append((before, after, said(copy, now)))
        last = now
    return results


def refuse(built: Any, now: datetime, *, released: bool) -> None:
    """Put some sets into quarantine, or let them go."""
    with built.platform.warehouse.write() as session:
        labels = session.query(
            "select label from raw.backup_sets where hash(label) % 23 = 0 order by label"
        )["label"].to_list()
        if released:
            session.execute(
                "update raw.quarantine set released_at = $now, ingest_seq = $seq",
                {"now": now, "seq": session.next_seq()},
            )
            return
        rows = [
            {"quarantine_id": label, "source_id": "a", "table_name": "backup_sets",
             "native_id": f'["a", "r", "{label}"]', "rule": "x", "reason": "x",
             "payload": "x", "observed_at": now}
            for label in labels
        ]  # fmt: skip
        session.load("quarantine", typed_frame("quarantine", rows))


@pytest.mark.parametrize("number", range(len(BUILDS)))
@pytest.mark.parametrize("name", COMPARED)
def test_a_build_says_what_a_full_refresh_says(builds: Any, number: int, name: str) -> None:
    _, kept, anew = builds[number]
    assert kept[name].height > 0 or number == 0
    extra = kept[name].join(anew[name], on=kept[name].columns, how="anti", nulls_equal=True)
    missing = anew[name].join(kept[name], on=kept[name].columns, how="anti", nulls_equal=True)
    assert (extra.rows()[:3], missing.rows()[:3]) == ([], [])
    assert kept[name].height == anew[name].height


@pytest.mark.parametrize("number", range(1, len(BUILDS)))
def test_the_live_status_does_not_wait_for_a_build(builds: Any, number: int) -> None:
    before, _, anew = builds[number]
    name = "live.live_rpo_status"
    missing = anew[name].join(before, on=before.columns, how="anti", nulls_equal=True)
    assert (missing.rows()[:3], before.height) == ([], anew[name].height)


def test_the_histories_are_worth_it(builds: Any) -> None:
    _, _, last = builds[-1]
    causes = set(last["marts.fct_rpo_violations"]["cause"])
    assert {"expired", "corrupt", "late", "failed", "archive_stalled"} <= causes
    assert last["marts.fct_rpo_violations"].height > 4 * COUNT
    assert last["intermediate.int_rpo_intervals"]["is_open"].sum() > 5
