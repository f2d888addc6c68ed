"""A process that forks the engine's work, kills it at a random moment, and does so again.

Not a test: test_kills.py starts it and judges what is left. It is a process of its own because
only one without threads can fork safely; the test's process has had threads of many libraries.

    python -W error kill_loop.py FOLDER STORE_URL KILLS ALERTS
"""

import json
import mmap
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from cbcr_assets.alerting import Evaluation, Links, open_service
from cbcr_assets.config.alerting import load_policy

STEPS = ("start", "ingest", "deliver", "tick")
START = datetime.fromisoformat("2026-11-23T05:00:00")
PATIENCE_S = 60


def life(folder, store_url, number, step):
    """One process: the hook's and the tick's work on the evaluations that are there."""
    step[0] = STEPS.index("start")
    service = open_service(
        store_url=store_url, links=Links("d", "g"),
        policy=load_policy(folder / "alerting.yaml", environ={}),
    )  # fmt: skip
    now = START + timedelta(seconds=600 * number)
    for path in sorted(folder.glob("*.json")):
        at = START + timedelta(minutes=int(path.stem) / 60)
        evaluation = Evaluation(path.stem, "rpo", at, pl.DataFrame(json.loads(path.read_text())))
        step[0] = STEPS.index("ingest")
        service.ingest(evaluation, now=now)
        step[0] = STEPS.index("deliver")
        service.deliver(now=now, budget_s=2)
    step[0] = STEPS.index("tick")
    service.tick(now=now)


def killed_at_random(work, step, wanted, delay_s):
    """Fork a process, kill it a while after it came to a step.

    Returns:
        The step at which it was still at work; None if it was done already.
    """
    step[0] = STEPS.index("start")
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    deadline = time.monotonic() + PATIENCE_S
    # On a slow machine as on a fast one every step is hit: what is random is the moment in it.
    while step[0] < STEPS.index(wanted):
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return None
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"still at {STEPS[step[0]]!r} after {PATIENCE_S} s")
        time.sleep(0.0002)
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return STEPS[step[0]] if os.WIFSIGNALED(status) else None


def rows(status):
    return [
        {
            "rule": "rpo", "subject_kind": "instance", "subject_id": f"db{i}", "status": one,
            "severity": "warning", "value": 5400.0, "objective": 3600.0, "unit": "s",
            "since": None, "changes_at": None, "team": "payments",
            "labels": json.dumps({"instance": f"db{i}"}), "summary": f"db{i} is {one}",
            "runbook": "docs/runbooks/rpo.md",
        }
        for i, one in enumerate(status)
    ]  # fmt: skip


def clear_away(folder, engine):
    """Remove the evaluations that were handed over, all but the newest, as the tick does."""
    seen = sa.text("select evaluation_id from seen_evaluation")
    with engine.connect() as con:
        ids = set(con.execute(seen).scalars())
    for path in sorted(folder.glob("*.json"))[:-3]:
        if path.stem in ids:
            path.unlink()


def loop(folder, store_url, kills, alerts):
    """Kill until enough processes were hit at work, then let one finish."""
    chance = random.Random(7)
    engine = sa.create_engine(store_url, poolclass=sa.NullPool)
    step = mmap.mmap(-1, 1)  # shared with the processes, who say in it where they are
    status, changes, hits, number = ["ok"] * alerts, Counter(), Counter(), 0
    while hits.total() < kills:
        number += 1
        flipped = chance.randrange(alerts)
        status[flipped] = "ok" if status[flipped] == "breached" else "breached"
        changes[f"db{flipped} {status[flipped]}"] += 1
        clear_away(folder, engine)
        (folder / f"{number:06}.json").write_text(json.dumps(rows(status)))
        wanted, delay_s = chance.choice(STEPS), chance.uniform(0, 0.03) * chance.random()
        work = lambda now=number: life(folder, store_url, now, step)  # noqa: E731
        hits.update(filter(None, [killed_at_random(work, step, wanted, delay_s)]))
    life(folder, store_url, number + 2, step)
    return {"processes": number, "hits": hits, "changes": changes, "status": status}


if __name__ == "__main__":
    at, url, kills, alerts = sys.argv[1:]
    json.dump(loop(Path(at), url, int(kills), int(alerts)), sys.stdout)
