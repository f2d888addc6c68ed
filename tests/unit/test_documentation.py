"""Documentation that is generated or counted is true."""

import subprocess
import sys
from pathlib import Path

import yaml

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
