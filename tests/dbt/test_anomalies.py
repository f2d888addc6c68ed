"""Odd backups: models against plain Python, incremental against full, the present against both."""

import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from cbcr_assets.steps import analytics

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
DAY = timedelta(days=1)
WHOLE = ("full", "dump", "snapshot")
KEPT = ("int_backup_norms", "fct_backup_anomalies")
MODELS = ("int_series_anew", *KEPT)
KEYS = "instance_id, source_id, told_by, repo, backup_type, measure, native_key"


def history(name, chance, days):
    """Attempts and sets of one instance: a daily whole backup, incrementals between, odd ones."""
    kind = chance.choice(WHOLE)
    base, noise = chance.uniform(18, 26), chance.choice([0.01, 0.05, 0.15])
    week = [chance.gauss(0, chance.choice([0, 0.2])) for _ in range(7)]
    level = 0.0
    for day in range(days):
        began = NOW - DAY * (days - day) + timedelta(minutes=chance.randrange(90))
        size = math.exp(base + level + week[began.weekday()] + chance.gauss(0, noise))
        seconds = size / 5e6 * math.exp(chance.gauss(0, 0.1))
        what = chance.random()
        if what < 0.03:
            size *= chance.choice([0.0, 0.001, 0.2, 3, 8])
        elif what < 0.05:
            level += math.log(chance.choice([0.4, 2.5]))
        elif what < 0.08:
            seconds *= 4
        told = None if what > 0.99 else int(size)
        yield attempt(name, kind, f"w{day}", began, seconds, told, chance), (
            catalog(name, kind, f"w{day}", began, seconds, told, size * 0.3)
            if chance.random() < 0.9 else None
        )  # fmt: skip
        began += timedelta(hours=8)
        part = size * chance.choice([0.01, 0.02, 0.05, 0.9 if chance.random() < 0.1 else 0.03])
        yield (
            attempt(name, "incr", f"i{day}", began, part / 5e6 + 90, None, chance),
            catalog(name, "incr", f"i{day}", began, 100, int(size), part),
        )


def attempt(name, kind, key, began, seconds, size, chance):
    state = "failed" if chance.random() < 0.03 else "succeeded"
    return {
        "source_id": "a", "attempt_key": f"{name}-{key}", "native_instance": name,
        "instance_id": name, "tool": "t", "backup_type": kind, "state": state, "started_at": began,
        "finished_at": began + timedelta(seconds=seconds), "duration_s": seconds,
        "source_bytes": size, "backup_label": f"{name}-{key}",
        "first_seen_at": began, "last_seen_at": began,
    }  # fmt: skip


def catalog(name, kind, key, began, seconds, size, stored):
    return {
        "source_id": "a", "repo": "r", "label": f"{name}-{key}", "native_instance": name,
        "instance_id": name, "backup_type": kind, "started_at": began,
        "finished_at": began + timedelta(seconds=seconds),
        "recovery_point_at": began, "source_bytes": size, "repo_bytes": int(stored),
        "repo_delta_bytes": int(stored) if kind == "incr" else None,
        "integrity": "ok", "lifecycle": "available",
        "first_seen_at": began, "last_seen_at": began,
    }  # fmt: skip


@pytest.fixture(scope="module")
def world(make_built):
    """A warehouse built again and again while new, late and changed records arrive."""
    chance = random.Random(5)
    built = make_built()
    names = [f"db{i}" for i in range(12)]
    both = [pair for i, name in enumerate(names) for pair in history(name, chance, 20 + 15 * i)]
    jobs, sets = [a for a, _ in both], [b for _, b in both if b]
    built.load({
        "sources": [{"source_id": "a", "tool": "t", "every_s": 60.0, "stale_after_s": 7200.0}],
        "instances": [
            {"instance_id": n, "db_type": "postgresql", "tier": 2, "team": "t", "rpo_s": 86400.0,
             "timezone": "UTC", "protect_from": NOW - 400 * DAY} for n in names
        ],
        "instance_aliases": [
            {"source_id": "a", "native_instance": n, "instance_id": n} for n in names
        ],
    })  # fmt: skip
    cut = NOW - 3 * DAY
    dawn = NOW - 6 * DAY
    late = {id(row) for row in [*jobs, *sets] if chance.random() < 0.05 or row["started_at"] > cut}
    fresh = [r for r in [*jobs, *sets] if id(r) not in late and r["started_at"] > dawn]
    early_jobs = [row for row in jobs if id(row) not in late]
    changed = [
        {**row, "source_bytes": row["source_bytes"] * 9}
        for row in early_jobs
        if row["source_bytes"] and chance.random() < 0.01
    ]
    failed = [{**row, "state": "failed"} for row in early_jobs if chance.random() < 0.01]
    news = {id(row) for row in fresh}
    built.load({"backup_jobs": [row for row in early_jobs if id(row) not in news],
                "backup_sets": [s for s in sets if id(s) not in late | news]})  # fmt: skip
    built.build()
    go_on(built, fresh, dawn)
    # Half an instance's news is judged between builds, and again by the next build.
    built.load({"backup_jobs": [*changed, *failed, *(r for r in jobs if id(r) in late)],
                "backup_sets": [s for s in sets if id(s) in late]})  # fmt: skip
    built.between = verdicts(built)
    report = analytics.dbt(built.platform, ["run", "--select", *MODELS])
    assert report.ok, report.output
    now = {row["attempt_key"]: row for row in [*jobs, *changed, *failed]}
    built.jobs, built.sets = list(now.values()), sets
    return built


def go_on(built, fresh, dawn):
    """What comes in order, builds between: series go on from where they stood."""
    for hours in (9, 30, 72):
        until = dawn + timedelta(hours=hours)
        rows = [row for row in fresh if until - timedelta(hours=42) < row["started_at"] <= until]
        # Retention tells of sets again, which is no news of their size.
        again = [{**r, "expires_at": NOW + DAY * 99, "last_seen_at": NOW} for r in rows[:40]
                 if "label" in r]  # fmt: skip
        built.load({"backup_jobs": [r for r in rows if "attempt_key" in r],
                    "backup_sets": [r for r in rows if "label" in r]})  # fmt: skip
        built.load({"backup_sets": again})
        report = analytics.dbt(built.platform, ["run", "--select", *MODELS])
        assert report.ok, report.output
        judged = built.query(
            "select count(*) filter (measure is not null), count(*) filter (measure is null)"
            " from intermediate.int_series_anew where not is_everything"
        )
        built.went_on = [*getattr(built, "went_on", []), judged[0]]


def verdicts(built):
    return {
        row[:-1]: row[-1]
        for row in built.query(f"select {KEYS}, kind from live.live_backup_verdicts")
    }


def test_incremental_equals_full_and_the_models_equal_plain_python(world):
    rows = {model: told(world, model) for model in KEPT}
    # In parts, as a history that would not fit into memory.
    parts = ["--vars", "{series_part_rows: 500}"]
    report = analytics.dbt(world.platform, ["run", "--full-refresh", *parts, "--select", *MODELS])
    assert report.ok, report.output
    for model in KEPT:
        assert told(world, model) == rows[model]
    expected = odd_ones(world.jobs, world.sets)
    found = {
        row[:7]: row[7:]
        for row in world.query(
            f"select {KEYS}, kind, expected, z, event_started_at, event_runs"
            " from marts.fct_backup_anomalies"
        )
    }
    assert set(found) == set(expected)
    for key, (kind, forecast, z, began, runs) in expected.items():
        assert found[key][0] == kind
        assert found[key][1] == pytest.approx(forecast)
        assert found[key][2] == pytest.approx(z)
        assert found[key][3:] == (began, runs)
    kinds = {kind for kind, *_ in expected.values()}
    assert kinds == {"empty", "size_unknown", "grown", "shrunk", "rewritten", "slow"}


def test_what_comes_in_order_is_judged_without_its_history(world):
    series, from_the_first_on = (sum(counts) for counts in zip(*world.went_on, strict=True))
    assert series > 100
    assert from_the_first_on == 0


def test_between_builds_the_first_of_a_series_gets_the_verdict_that_the_build_gives(world):
    newest = verdicts(world)
    series = {key[:6]: key for key in newest}
    same = [world.between[key] == newest[key] for key in newest if key in world.between]
    assert {key[:6] for key in world.between} == set(series)
    # Several runs came at once, and late ones change the past; the first was judged exactly.
    assert len(same) > 30
    assert sum(same) / len(same) > 0.9


def test_a_moment_that_no_build_saw_is_judged_from_history(world):
    at = NOW - 5 * DAY
    rows = world.query(
        f"select {KEYS}, kind, expected, z, event_started_at, event_runs"
        " from live.live_backup_verdicts",
        as_of=at,
    )
    jobs = [row for row in world.jobs if row["finished_at"] <= at]
    sets = [row for row in world.sets if row["finished_at"] <= at]
    judged = all_judged(jobs, sets)
    newest = {}
    for key, verdict in judged.items():
        newest[key[:6]] = (key, verdict)
    assert len(rows) == len(newest)
    for row in rows:
        key, (kind, forecast, z, began, runs) = newest[row[:6]]
        assert row[6] == key[6]
        assert row[7] == kind
        assert (row[8], row[9]) == (pytest.approx(forecast), pytest.approx(z))
        assert row[10:] == ((began, runs) if kind else (None, None))


def told(world, model):
    schema = "marts" if model.startswith("fct") else "intermediate"
    return sorted(
        map(repr, world.query(f"select * from {schema}.{model}")),
    )


# The definition once more, without SQL.


def series_of(jobs, sets):
    rows = defaultdict(list)
    for job in jobs:
        if job["state"] != "succeeded":
            continue
        kind, whole = job["backup_type"], job["backup_type"] in WHOLE
        key = (job["instance_id"], "a", "attempt", "", kind)
        at = (job["started_at"], job["attempt_key"])
        if whole:
            rows[*key, "source_bytes"].append((*at, job["source_bytes"], 1.0))
        per = job["source_bytes"] if whole and job["source_bytes"] else 1.0
        rows[*key, "duration_s"].append((*at, job["duration_s"], per))
    for one in sets:
        kind, whole = one["backup_type"], one["backup_type"] in WHOLE
        key = (one["instance_id"], "a", "catalog", "r", kind)
        at = (one["started_at"], one["label"])
        stored = one["repo_bytes"] if whole else one["repo_delta_bytes"]
        rows[*key, "stored_bytes"].append((*at, stored, 1.0))
        if whole and one["source_bytes"] is not None:
            rows[*key, "source_bytes"].append((*at, one["source_bytes"], 1.0))
    return {key: sorted(values) for key, values in rows.items()}


def odd_ones(jobs, sets):
    judged = {key: verdict for key, verdict in all_judged(jobs, sets).items() if verdict[0]}
    by_attempts = {(key[0], key[6], key[5]) for key in judged if key[2] == "attempt"}
    return {
        key: verdict
        for key, verdict in judged.items()
        if key[2] == "attempt" or (key[0], key[6], key[5]) not in by_attempts
    }


def all_judged(jobs, sets):
    series = series_of(jobs, sets)
    return {
        (*key, native): verdict
        for key, values in series.items()
        for native, verdict in judge(key, values, series)
    }


def judge(key, values, series):
    kind_of, measure = key[4], key[5]
    whole = kind_of in WHOLE
    fulls = sorted(
        row for other, rows in series.items() for row in rows
        if other[:4] == key[:4] and other[5] == measure and other[4] in WHOLE
    )  # fmt: skip
    xs, deviations, errors = [], [], []
    before = (None, None, 0)
    for at, native, value, per in values:
        ten = [x for x in xs[-10:] if x is not None]
        level = median(ten) if ten else None
        known = len([e for e in errors[-56:] if e is not None])
        same = [d for when, d in deviations if when == at.weekday()][-8:]
        same = [d for d in same if d is not None]
        effect = median(same) if len(same) >= 4 else 0.0
        x = math.log(value / per) if value else None
        usable = len(ten) >= 3
        deviation = x - level if usable and x is not None else None
        error = deviation - effect if deviation is not None else None
        past = [abs(e) for e in errors[-56:] if e is not None]
        spread = max(1.4826 * median(past) if past else 0.0, 0.08 if known >= 11 else 0.3)
        forecast = math.exp(level + effect) * per if usable else None
        z = error / spread if error is not None else None
        ratio = math.exp(error) if error is not None else None
        full = [row[2] for row in fulls if row[:2] < (at, native)]
        kind = verdict(whole, measure, value, z, ratio, level if usable else None, len(ten),
                       full[-1] if full else None)  # fmt: skip
        before = (kind, before[1], before[2] + 1) if kind == before[0] else (kind, at, 1)
        began = before[1] if before[1] is not None else at
        before = (kind, began, before[2])
        yield native, (kind, forecast, z, began, before[2])
        xs.append(x)
        deviations.append((at.weekday(), deviation))
        errors.append(error)


def verdict(whole, measure, value, z, ratio, level, told, full):
    size = measure != "duration_s"
    least = 0.01 * math.exp(level) if level is not None else 0
    if size and whole and value is not None and (value == 0 or value < least):
        return "empty"
    if measure == "source_bytes" and value is None:
        return "size_unknown" if told == 10 else None
    if measure == "stored_bytes" and not whole:
        big = level is not None and full is not None and value >= 0.5 * full
        return "rewritten" if big and value >= 5 * math.exp(level) else None
    if z is None:
        return None
    if size and whole:
        if z >= 5 and ratio >= 1.5:
            return "grown"
        return "shrunk" if z <= -5 and ratio <= 0.67 else None
    slow = value >= 60 and ((whole and z >= 5 and ratio >= 1.5) or (z >= 7 and ratio >= 3))
    return "slow" if slow else None
