"""The same engine over PostgreSQL."""

import json
import threading
from datetime import timedelta

import polars as pl
import sqlalchemy as sa

from cbcr_assets.alerting import Ack, DeliveryReport, Evaluation, IngestReport
from cbcr_assets.alerting.message import decode
from cbcr_assets.alerting.tables import open_store, outbox

STORM = """
route: {receiver: log, escalation: up}
receivers:
  - {name: log, type: file, path: alerts.jsonl}
escalations: {up: {steps: [{after: 1h, receiver: log}]}}
"""


def test_the_engine_does_the_same_on_postgresql(postgres_url, engine_at, row, tmp_path):
    text = """
route: {receiver: gone}
receivers:
  - {name: log, type: file, path: alerts.jsonl}
  - {name: gone, type: file, path: .}
fallback: log
"""
    engine = engine_at(tmp_path, text, store_url=postgres_url)
    assert engine.say(row("a", "breached"), row("b", "ok")) == IngestReport(1, 0, 0, 1, False)
    assert engine.deliver() == DeliveryReport(0, 1, 0, 1)
    assert engine.say(row("a", "breached", "critical")) == IngestReport(0, 1, 0, 0, False)
    engine.use(text.replace("path: .}", "path: gone.jsonl}"))
    assert engine.deliver(after_s=10) == DeliveryReport(1, 0, 0, 0)
    assert engine.say(row("a", "ok")).resolved == 1
    engine.use(text.replace("gone", "new"))
    assert engine.deliver() == DeliveryReport(0, 0, 1, 0)
    [view] = engine.service.alerts(only_open=False)
    assert (view.state, view.pending, view.dead) == ("resolved", 0, 1)
    assert engine.service.tick(now=engine.now + timedelta(days=8)).pruned == 2

    def ingest(rule):
        engine.open().ingest(evaluation_of(engine, row, rule), now=engine.now)

    threads = [threading.Thread(target=ingest, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engine.service.alerts()) == 4


def test_a_storm_is_written_in_whole_columns_on_postgresql(postgres_url, engine_at, row, tmp_path):
    engine = engine_at(tmp_path, STORM, store_url=postgres_url)
    names = [f"db{i}" for i in range(60)]
    labels = json.dumps({"text": 'it\'s \\ "quoted", {braces}, ünïcode\n'})
    assert engine.say(*(row(n, "breached", labels=labels) for n in names)).opened == 60
    engine.deliver()
    assert engine.say(*(row(n, "breached", "critical") for n in names)).worsened == 60
    assert engine.service.say(Ack((), "ann"), now=engine.now) == 60
    engine.deliver()
    assert engine.say(*(row(n, "ok") for n in names)).resolved == 60
    engine.deliver()
    lines = engine.lines()
    assert [(line["kind"], line["total"]) for line in lines] == [
        ("opened", 60), ("worsened", 60), ("resolved", 60),
    ]  # fmt: skip
    # The receiver tidies texts, the store does not.
    assert lines[0]["members"][0]["labels"]["text"] == json.loads(labels)["text"].strip()
    with open_store(postgres_url).connect() as con:
        stored = con.execute(sa.select(outbox.c.payload).order_by(outbox.c.id)).scalars().first()
    assert decode(stored).members[0].labels == json.loads(labels)
    assert engine.service.alerts() == []


def evaluation_of(engine, row, rule):
    frame = pl.DataFrame([{**row("db", "breached"), "rule": rule}])
    return Evaluation(f"e-{rule}", rule, engine.now, frame)
