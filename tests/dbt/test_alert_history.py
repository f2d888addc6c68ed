"""How alerting itself does: from the engine's journal to the mart."""

import json
from datetime import datetime, timedelta

import polars as pl
import pytest

from cbcr_assets.alerting import Ack, Evaluation, Links, open_service
from cbcr_assets.alerting.clock import wall_only
from cbcr_assets.config import load_policy
from cbcr_assets.config.matchers import read_matcher
from cbcr_assets.steps.alerts import export_history
from cbcr_assets.warehouse.sla import empty_verdicts

pytestmark = pytest.mark.slow

START = datetime.fromisoformat("2026-11-23T05:00:00")


def test_times_and_noise_of_every_episode(make_built, tmp_path):
    built = make_built()
    home = built.platform.home
    home.mkdir(parents=True, exist_ok=True)
    (tmp_path / "alerting.yaml").write_text(
        "route: {receiver: log}\nreceivers: [{name: log, type: file, path: a.jsonl}]\n"
    )
    (built.platform.config.file.parent / "alerting.yaml").write_text(
        (tmp_path / "alerting.yaml").read_text()
    )
    service = open_service(
        store_url=f"sqlite:///{home}/alerts.db", links=Links("", ""), timer=wall_only,
        policy=load_policy(tmp_path / "alerting.yaml", environ={}),
    )  # fmt: skip

    def say(second, deliver_after_s=2, **status):
        at = START + timedelta(seconds=second)
        schema = empty_verdicts().schema
        rows = [
            {"rule": "rpo", "subject_kind": "instance", "subject_id": name, "status": one,
             "severity": "critical", "team": "payments", "labels": json.dumps({})}
            for name, one in status.items()
        ]  # fmt: skip
        frame = pl.DataFrame(
            [[r.get(f) for f in schema] for r in rows], schema=schema, orient="row"
        )
        service.ingest(Evaluation(f"e{second:06}", "rpo", at, frame), now=at)
        service.deliver(now=at + timedelta(seconds=deliver_after_s), budget_s=5)

    say(0, a="breached", b="breached")
    service.say(Ack((read_matcher('subject_id="a"'),), "ann"), now=START + timedelta(seconds=60))
    say(100, a="breached", b="ok")
    say(400, a="ok", b="ok")
    say(500, a="ok", b="breached")
    assert export_history(built.platform, now=START + timedelta(hours=1)) > 0
    assert export_history(built.platform, now=START + timedelta(hours=1)) == 0
    built.build("+fct_alert_history", "+fct_alert_noise")
    rows = built.query(
        "select subject_id, episode, time_to_tell_s, time_to_acknowledge_s, acknowledged_by,"
        " time_to_resolve_s, delivery_delay_s, messages from marts.fct_alert_history"
        " order by subject_id, episode"
    )
    assert rows == [
        ("a", 1, 2.0, 60.0, "ann", 400.0, 2.0, 3),
        ("b", 1, 2.0, None, None, 100.0, 2.0, 2),
        ("b", 2, 2.0, None, None, None, 2.0, 1),
    ]
    assert built.query(
        "select episodes, subjects, messages, acknowledged, still_open, short_lived"
        " from marts.fct_alert_noise"
    ) == [(3, 2, 6, 1, 1, 1)]
