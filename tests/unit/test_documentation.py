"""Documentation that is generated or counted is true."""

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import yaml

from cbcr_assets.alerting import Links
from cbcr_assets.alerting.message import Member, Message
from cbcr_assets.alerting.receivers.body import body

NOW = datetime(2026, 1, 1)
ROOT = Path(__file__).resolve().parents[2]


def test_the_data_dictionary_is_current() -> None:
    script = ROOT / "docs" / "generate_data_dictionary.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_rule_has_a_runbook_and_a_description() -> None:
    models = ROOT / "dbt_project" / "models" / "sla"
    described = {
        model["name"]
        for path in models.glob("*.yml")
        for model in yaml.safe_load(path.read_text())["models"]
        if model["description"]
    }
    rules = {path.stem for path in models.glob("sla_*.sql")}
    assert rules
    assert rules <= described
    runbooks = ROOT / "docs" / "runbooks"
    missing = [r for r in rules if not (runbooks / f"{r.removeprefix('sla_')}.md").is_file()]
    assert missing == []


def test_every_key_of_a_message_is_documented() -> None:
    text = (ROOT / "docs" / "formats.md").read_text().split("## What CBCR sends", 1)[1]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = set(re.findall(r"`(\w+)`", " ".join(rows)))
    member = Member("f", 1, "instance", "i", "ok", "info", None, None, "s", NOW, "", "", "", {})
    message = Message("m", "opened", "rpo", "", "info", 1, {}, (member,), "e", NOW)
    sent = body(message, Links("http://dashboard", "http://dagster"))
    assert documented == set(sent) | set(sent["members"][0])
