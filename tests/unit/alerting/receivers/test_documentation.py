"""docs/receivers.md is true: its examples load, its settings exist, its snippet verifies."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cbcr_assets.alerting.receivers import _MODULES
from cbcr_assets.alerting.receivers.signing import signature
from cbcr_assets.config import load_policy
from cbcr_assets.config import receivers as kinds

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "docs" / "receivers.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```yaml\n# example: (\w+)\n(.*?)```", TEXT, re.DOTALL))
MODELS = {
    model.model_fields["type"].annotation.__args__[0]: model
    for model in kinds.Receiver.__args__
}  # fmt: skip

OF_ALL = {"name", "type", "send_resolved", "storm", "rate_limit"}


def test_the_rendered_examples_are_current():
    script = ROOT / "docs" / "generate_receiver_examples.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_can_be_built_and_has_an_example():
    assert set(MODELS) == set(_MODULES)
    assert set(EXAMPLES) == set(MODELS) - {"console"}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_the_example_loads(kind, tmp_path):
    [entry] = yaml.safe_load(EXAMPLES[kind])
    path = tmp_path / "alerting.yaml"
    route = f"route: {{receiver: {entry['name']}}}\nreceivers:\n"
    path.write_text(route + EXAMPLES[kind])
    policy = load_policy(path, environ={})
    assert isinstance(policy.receivers[entry["name"]], MODELS[kind])


@pytest.mark.parametrize("kind", sorted(set(MODELS) - {"console"}))
def test_every_setting_is_described_in_its_section(kind):
    section = next(part for part in TEXT.split("\n## ") if f"# example: {kind}\n" in part)
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    described = set(re.findall(r"`(\w+)`", " ".join(rows)))
    fields = MODELS[kind].model_fields
    known = {field.alias or name for name, field in fields.items()}
    assert described == known - OF_ALL


def test_what_all_of_them_have_is_described_once():
    head = TEXT.split("\n## ")[0]
    assert set(re.findall(r"`(\w+)", head)) >= OF_ALL


def test_the_snippet_verifies_what_is_sent():
    snippet = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]
    found = {}
    exec(snippet, found)  # this is what people copy
    verify, now = found["is_from_cbcr"], int(time.time())
    good = signature("key", b"{}", at_s=now)
    assert verify("key", good, b"{}")
    assert not verify("key", good, b"{ }")
    assert not verify("other", good, b"{}")
    assert not verify("key", signature("key", b"{}", at_s=now - 301), b"{}")
    for nonsense in ("", "t=", "t=x,v1=y", f"t={now}", f"t={now},v1="):
        assert not verify("key", nonsense, b"{}")


def test_what_the_template_has_commented_out_loads_as_well(tmp_path):
    template = ROOT / "cbcr_assets" / "templates" / "alerting.yaml"
    head, receivers = template.read_text(encoding="utf-8").split("\nreceivers:\n")
    receivers, rest = receivers.split("\n\n", 1)
    path = tmp_path / "alerting.yaml"
    told = re.sub("(?m)^  # ", "  ", receivers)
    path.write_text(f"{head}\nreceivers:\n{told}\n\n{rest}")
    loaded = load_policy(path, environ={}).receivers.values()
    assert len({receiver.type for receiver in loaded}) == 9


def test_the_routing_that_the_template_has_commented_out_loads_as_well(tmp_path):
    template = ROOT / "cbcr_assets" / "templates" / "alerting.yaml"
    head, rest = template.read_text(encoding="utf-8").split("# escalations:\n")
    head = re.sub("(?m)^  # (?=(group|repeat|escalation))", "  ", head)
    path = tmp_path / "alerting.yaml"
    path.write_text(f"{head}escalations:\n" + re.sub("(?m)^# ", "", rest))
    policy = load_policy(path, environ={})
    assert policy.route.escalation == "nobody-answers"
    assert policy.escalations["nobody-answers"].steps[0].after_s == 900
    assert (policy.for_s("source_stale"), policy.fallback) == (300, "on-call-log")
