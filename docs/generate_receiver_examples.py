"""Fill the rendered examples of docs/receivers.md; `--check` fails when they are not current.

Belongs here: one message, sent to nobody, in the form of each receiver.
Does not belong here: the forms themselves (see `cbcr_assets.alerting.receivers`).
"""

import email
import email.policy
import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cbcr_assets.alerting import Links, render
from cbcr_assets.alerting.message import Member, Message, Outgoing
from cbcr_assets.alerting.receivers.alertmanager import Alertmanager
from cbcr_assets.alerting.receivers.blocks import blocks, summary
from cbcr_assets.alerting.receivers.body import body
from cbcr_assets.alerting.receivers.letter import letter
from cbcr_assets.alerting.receivers.opsgenie import Opsgenie
from cbcr_assets.alerting.receivers.pagerduty import event
from cbcr_assets.alerting.receivers.plain import tidy, with_runbooks
from cbcr_assets.alerting.receivers.teams import envelope
from cbcr_assets.config.receivers import Receiver

PAGE = Path(__file__).with_name("receivers.md")
NOW = datetime.fromisoformat("2026-11-23T03:12:00")
LINKS = Links(
    "https://cbcr.example.org", "https://dagster.example.org", "https://wiki.example.org/runbooks"
)
MESSAGE = Message(
    id="5d1c0a", kind="opened", rule="rpo", team="payments", severity="critical", total=1,
    counts={"breached": 1}, evaluation_id="20261123T031200.000000Z", evaluated_at=NOW,
    incident="rpo-payments-17",
    members=(
        Member(
            fingerprint="9f2b", episode=3, subject_kind="instance", subject_id="orders-db",
            status="breached", severity="critical", value=18720.0, objective=14400.0, unit="s",
            started_at=datetime.fromisoformat("2026-11-23T02:00:00"),
            summary="orders-db would lose 5 h 12 min of data, the objective is 4 h; its newest"
            " recovery point is 2026-11-22 22:00:00 UTC (20261122-220000F)",
            was="", runbook="docs/runbooks/rpo.md", labels={"tier": "1"},
        ),
    ),
)  # fmt: skip
_PLACE = re.compile(r"(<!-- rendered: (\w+) -->\n)(?:```.*?```\n)?", re.DOTALL)


def rendered() -> Mapping[str, str]:
    """Return the fenced example of each receiver that has one."""
    told = with_runbooks(tidy(MESSAGE), LINKS)
    outgoing = Outgoing(told)
    opsgenie = Opsgenie(_config(type="opsgenie", api_key="env:X", responders=["dba"]), LINKS, {})
    manager = Alertmanager(_config(type="alertmanager", url="http://127.0.0.1:9093"), LINKS, {})
    keys = {"routing_key": "…", "dedup_key": outgoing.incident}
    values: dict[str, Any] = {
        "slack": {
            "channel": "#payments-oncall",
            "text": summary(told),
            "blocks": blocks(told, LINKS, button="…"),
        },
        "pagerduty": {**keys, **event(outgoing, LINKS)},
        "opsgenie": opsgenie.calls(outgoing)[0][1],
        "teams": envelope(told, LINKS),
        "webhook": body(told, LINKS),
        "alertmanager": manager.alerts(outgoing, NOW),
    }
    return {name: _fenced("json", _json(value)) for name, value in values.items()} | {
        "email": _fenced("text", _letter(outgoing)),
        "console": _fenced("text", render.text(told, LINKS)),
    }


def _config(**written: Any) -> Any:
    return TypeAdapter(Receiver).validate_python({"name": "x", **written})


def _letter(outgoing: Outgoing) -> str:
    config = _config(
        type="email", host="h", **{"from": "cbcr@example.org"}, to=["dba-oncall@example.org"]
    )
    raw = letter(outgoing, config, LINKS, now=NOW, refused={})
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    shown = ("Subject", "From", "To", "Date", "Message-ID", "References", "Importance")
    plain = mail.get_body(("plain",))
    assert plain is not None
    heads = [f"{name}: {mail[name]}" for name in shown if mail[name]]
    return "\n".join([*heads, "", *plain.get_content().splitlines()])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


def main() -> int:
    """Write the page, or check it."""
    before = PAGE.read_text(encoding="utf-8")
    examples = rendered()
    after = _PLACE.sub(lambda found: found[1] + examples[found[2]], before)
    if "--check" in sys.argv:
        if after != before:
            print("docs/receivers.md is not current: python docs/generate_receiver_examples.py")
        return int(after != before)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
