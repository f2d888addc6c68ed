"""Microsoft Teams by a Workflow's webhook: an Adaptive Card.

Belongs here: the card and the reading of the answer. Does not belong here: the request.

What others wrote stands in `TextRun`s, which know no Markdown; a `TextBlock` and a `Fact` would.
A webhook tells no id of what it posted, so there are neither threads nor updates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Member, Message, Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Retry, judge_status
from cbcr_assets.alerting.receivers.http import encoded, post_to
from cbcr_assets.alerting.receivers.plain import shorten
from cbcr_assets.config.receivers import TeamsReceiver

Element = dict[str, Any]
# 28 kB are taken.
_LARGEST = 24_000
_TITLE = 300
_RUN = 700
_LINK = 700
_COLOURS = {"critical": "Attention", "warning": "Warning", "info": "Accent"}
# `{{DATE(…)}}` would be computed, also in a TextRun.
_COMPUTED = re.compile(r"\{(?=\{)")
# The retired connector answered 1; a Workflow answers nothing.
_RECEIPTS = ("", "1")


@dataclass(frozen=True)
class Teams:
    """Posts cards to one channel."""

    config: TeamsReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Post one card once."""
        content = envelope(outgoing.message, self.links)
        answer = post_to(self.config.url, self.environ, content, timeout_s=timeout_s)
        if isinstance(answer, Retry):
            return answer
        outcome = judge_status(answer.status_code, answer.headers, now=now)
        is_receipt = answer.status_code == 202 or answer.text.strip() in _RECEIPTS
        if isinstance(outcome, Delivered) and not is_receipt:
            # The connector told its own 429 in a 200; a proxy's page is no receipt either.
            return Retry(None, "the answer is not Teams'")
        return outcome


def envelope(message: Message, links: Links) -> dict[str, Any]:
    """Return what is posted: the card with as many members as there is room for."""
    shown = len(message.members)
    while True:
        card = _card(message, links, shown)
        content = {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": card,
                }
            ],
        }
        if shown <= 1 or len(encoded(content)) <= _LARGEST:
            return content
        shown -= 1


def build(config: TeamsReceiver, *, links: Links, environ: Mapping[str, str]) -> Teams:
    """Build the channel."""
    return Teams(config, links, environ)


def _card(message: Message, links: Links, shown: int) -> Element:
    notes = render.notes(message)
    if left_out := len(message.members) - shown:
        notes.insert(0, f"… {left_out} of these have no room here, {message.total} in all")
    colour = "Good" if message.is_over else _COLOURS.get(message.severity, "Warning")
    title = _text(render.title(message, _TITLE), size="Large", weight="Bolder", color=colour)
    members = [block for member in message.members[:shown] for block in _member(member, message)]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *members, _text(" · ".join(notes), size="Small", isSubtle=True)],
        "actions": _actions(message, links),
        "msteams": {"width": "Full"},
    }


def _member(member: Member, message: Message) -> list[Element]:
    if not len(message.members) == message.total == 1:
        line = f"{render.member_sign(member)} {render.headline(member)}"
        brief = _text(render.brief(member, message), spacing="None")
        return [_text(line, weight="Bolder", spacing="Medium"), brief]
    said = render.details(message, render.title(message, _TITLE))
    facts = [
        _block([_run(f"{name}: ", weight="Bolder"), _run(fact)], spacing="Small")
        for name, fact in render.facts(member, message)
    ]
    return [*([_text(said, spacing="Medium")] if said else []), *facts]


def _actions(message: Message, links: Links) -> list[Element]:
    places = [("Dashboard", links.dashboard_url), ("Dagster", links.dagster_url)]
    if len(message.members) == 1:
        member = message.members[0]
        places.insert(0, ("Look at it", render.link(member, links)))
        if member.runbook.startswith(("https://", "http://")):
            places.insert(0, ("What to do", member.runbook))
    return [
        {"type": "Action.OpenUrl", "title": title, "url": url}
        for title, url in places
        if len(url) <= _LINK
    ]


def _text(text: str, *, spacing: str = "Default", **looks: Any) -> Element:
    return _block([_run(text, **looks)], spacing=spacing)


def _block(runs: list[Element], *, spacing: str) -> Element:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": runs}


def _run(text: str, **looks: Any) -> Element:
    # A space keeps what would be computed as it is, and can still be copied.
    return {"type": "TextRun", "text": shorten(_COMPUTED.sub("{ ", text), _RUN), **looks}
