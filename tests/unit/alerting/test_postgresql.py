"""The same engine over PostgreSQL."""

import threading
from datetime import timedelta

import polars as pl

from cbcr_assets.alerting import DeliveryReport, Evaluation, IngestReport


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


def evaluation_of(engine, row, rule):
    frame = pl.DataFrame([{**row("db", "breached"), "rule": rule}])
    return Evaluation(f"e-{rule}", rule, engine.now, frame)
