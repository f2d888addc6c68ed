"""kill -9 at random moments of hook, tick and delivery, again and again: nothing is lost."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from cbcr_assets.alerting.tables import open_store

POLICY = """
route: {{receiver: hook, group_by: [rule], group_wait: 0s, group_interval: 0s}}
receivers:
  - {{name: hook, type: webhook, url: "{url}/hook"}}
"""
LOOP = Path(__file__).with_name("kill_loop.py")
ALERTS = 8


@pytest.fixture
def kill(tmp_path, stub, capsys):
    """Run the loop of kills against a store, then check what is left."""

    def run(store_url, kills):
        (tmp_path / "alerting.yaml").write_text(POLICY.format(url=stub.url))
        open_store(store_url).dispose()
        done = subprocess.run(
            [sys.executable, "-W", "error", LOOP, tmp_path, store_url, str(kills), str(ALERTS)],
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        journal = check(store_url, stub, told["status"], Counter(told["changes"]))
        ids = Counter(body["id"] for body in stub.bodies())
        hits, twice = Counter(told["hits"]), ids.total() - len(ids)
        with capsys.disabled():
            print(
                f"\n{hits.total()} kills of {told['processes']} processes, at {dict(hits)}:"
                f" {sum(told['changes'].values())} transitions, journal {dict(journal)},"
                f" {len(ids)} messages arrived, {twice} of them once more"
            )
        assert twice <= hits.total()
        assert set(hits) >= {"ingest", "deliver", "tick"}

    return run


@pytest.mark.quiet
@pytest.mark.slow
def test_two_hundred_kills_lose_no_transition_and_double_none(tmp_path, kill):
    kill(f"sqlite:///{tmp_path}/alerts.db", 220)


@pytest.mark.quiet
@pytest.mark.slow
def test_kills_lose_and_double_nothing_on_postgresql(postgres_url, kill):
    kill(postgres_url, 220)


def check(store_url, stub, status, changes):
    """Compare what the store and the receiver hold with what has happened.

    Returns:
        How often the journal says what.
    """
    engine = open_store(store_url)
    with engine.connect() as con:
        journal = con.execute(sa.text("select subject_id, what from journal")).all()
        open_ones = con.execute(
            sa.text("select subject_id from episode where resolved_at is null")
        ).scalars().all()  # fmt: skip
        pending = con.scalar(sa.text("select count(*) from outbox where state = 'pending'"))
    engine.dispose()
    words = {"opened": "breached", "resolved": "ok"}
    assert Counter(f"{name} {words[what]}" for name, what in journal if what in words) == changes
    assert pending == 0
    is_open = {f"db{i}" for i, one in enumerate(status) if one == "breached"}
    assert sorted(open_ones) == sorted(is_open)  # a doubled episode would stand there twice
    assert {name for name, fires in heard(stub).items() if fires} == is_open
    return Counter(what for _, what in journal)


def heard(stub):
    """What the receiver knows last of each instance: does it fire?"""
    last = {}
    for body in stub.bodies():
        ends = body["kind"] == "resolved"
        last.update({member["subject_id"]: not ends for member in body["members"]})
        last.update({member["subject_id"]: ends for member in body["others"]})
    return last


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
