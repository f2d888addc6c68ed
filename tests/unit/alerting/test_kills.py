"""kill -9 at random moments of hook, tick and delivery, again and again: nothing is lost."""

import json
import mmap
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest

from cbcr_assets.alerting import Links, open_service
from cbcr_assets.config.alerting import load_policy

POLICY = """
route: {{receiver: hook, group_by: [rule], group_wait: 0s, group_interval: 0s}}
receivers:
  - {{name: hook, type: webhook, url: "{url}/hook"}}
"""
KILLS = 220
STEPS = ("start", "ingest", "deliver", "tick")
ALERTS = 8
START = datetime.fromisoformat("2026-11-23T05:00:00")


def life(folder, make, number, step):
    """One process: the hook's and the tick's work on the evaluations that are there."""
    step[0] = STEPS.index("start")
    service = open_service(
        store_url=f"sqlite:///{folder}/alerts.db", links=Links("d", "g"),
        policy=load_policy(folder / "alerting.yaml", environ={}),
    )  # fmt: skip
    now = START + timedelta(seconds=600 * number)
    for path in sorted(folder.glob("*.json")):
        status = json.loads(path.read_text())
        rows = [make[1](f"db{i}", one) for i, one in enumerate(status)]
        minute = int(path.stem) / 60
        step[0] = STEPS.index("ingest")
        service.ingest(make[0](*rows, minute=minute, rule="rpo", name=path.stem), now=now)
        step[0] = STEPS.index("deliver")
        service.deliver(now=now, budget_s=2)
    step[0] = STEPS.index("tick")
    service.tick(now=now)


def killed_at_random(folder, make, number, step, wanted, delay_s):
    """Fork a process, kill it a while after it came to a step.

    Returns:
        The step at which it was still at work; None if it was done already.
    """
    step[0] = STEPS.index("start")
    child = os.fork()
    if child == 0:
        try:
            life(folder, make, number, step)
        finally:
            os._exit(0)
    # On a slow machine as on a fast one every step is hit: what is random is the moment in it.
    while step[0] < STEPS.index(wanted):
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return None
        time.sleep(0.0002)
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return STEPS[step[0]] if os.WIFSIGNALED(status) else None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_two_hundred_kills_lose_no_transition_and_double_none(
    tmp_path, stub, row, evaluation, capsys
):
    (tmp_path / "alerting.yaml").write_text(POLICY.format(url=stub.url))
    chance, make = random.Random(7), (evaluation, row)
    step = mmap.mmap(-1, 1)  # shared with the processes, who say in it where they are
    status, changes, hits, number = ["ok"] * ALERTS, Counter(), Counter(), 0
    while hits.total() < KILLS:
        number += 1
        flipped = chance.randrange(ALERTS)
        status[flipped] = "ok" if status[flipped] == "breached" else "breached"
        changes[f"db{flipped}", status[flipped]] += 1
        for old in sorted(tmp_path.glob("*.json"))[:-3]:
            life_seen(tmp_path, old)
        (tmp_path / f"{number:06}.json").write_text(json.dumps(status))
        wanted, delay_s = chance.choice(STEPS), chance.uniform(0, 0.03) * chance.random()
        hit = killed_at_random(tmp_path, make, number, step, wanted, delay_s)
        hits.update([hit] if hit else [])
    life(tmp_path, make, number + 2, step)
    step.close()
    check(tmp_path, stub, status, changes)
    con = sqlite3.connect(tmp_path / "alerts.db")
    told = Counter(what for (what,) in con.execute("select what from journal"))
    con.close()
    ids = Counter(body["id"] for body in stub.bodies())
    twice = sum(count - 1 for count in ids.values())
    with capsys.disabled():
        print(
            f"\n{hits.total()} kills of {number} processes, at {dict(hits)}:"
            f" {changes.total()} transitions, journal {dict(told)},"
            f" {len(ids)} messages arrived, {twice} of them once more"
        )
    assert twice <= hits.total()
    assert set(hits) >= {"ingest", "deliver", "tick"}


def life_seen(folder, path):
    """Clear a file away once it was handed over, as the tick does."""
    con = sqlite3.connect(folder / "alerts.db")
    query = "select count(*) from seen_evaluation where evaluation_id = ?"
    [[count]] = con.execute(query, (path.stem,)).fetchall()
    con.close()
    if count:
        path.unlink()


def check(folder, stub, status, changes):
    con = sqlite3.connect(folder / "alerts.db")
    rows = con.execute("select subject_id, what from journal where what in ('opened', 'resolved')")
    journal = Counter((name, "breached" if what == "opened" else "ok") for name, what in rows)
    [[pending]] = con.execute("select count(*) from outbox where state = 'pending'").fetchall()
    is_open = {name for (name,) in con.execute(
        "select subject_id from episode where resolved_at is null")}  # fmt: skip
    [[double]] = con.execute(
        "select count(*) from (select fingerprint from episode where resolved_at is null"
        " group by 1 having count(*) > 1)"
    ).fetchall()
    con.close()
    assert journal == changes
    assert pending == double == 0
    assert is_open == {f"db{i}" for i, one in enumerate(status) if one == "breached"}
    last = {}
    for body in stub.bodies():
        ends = body["kind"] == "resolved"
        for member in body["members"]:
            last[member["subject_id"]] = not ends
        for member in body["others"]:
            last[member["subject_id"]] = ends
    assert {name for name, fires in last.items() if fires} == is_open


@pytest.mark.slow
def test_two_daemons_tell_everything_once(engine_at, stub, row, tmp_path):
    engine = engine_at(tmp_path, POLICY.format(url=stub.url))
    for number in range(20):
        engine.say(row("db", "breached"), rule=f"rule{number}")
    services = [engine.open(), engine.open()]
    threads = [
        threading.Thread(target=lambda s=service: s.tick(now=engine.now)) for service in services
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.deliver()
    assert Counter(body["rule"] for body in stub.bodies()) == Counter(
        {f"rule{number}": 1 for number in range(20)}
    )
