"""A message as Slack's Block Kit, within Slack's sizes and with what it shows escaped.

Belongs here: Block Kit. Does not belong here: sending it.
"""

from collections.abc import Mapping
from typing import Any

_SECTION_CAP = 2_900
_TOTAL_CAP = 10_000
_HEADER_CAP = 150
_SIGN = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":white_circle:"}


def escaped(text: str) -> str:
    """Escape what Slack would read as its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback_text(content: Mapping[str, Any]) -> str:
    """Return the line that notifications show."""
    return escaped(f"[{content['severity']}] {content['title']}")


def blocks(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks; members that do not fit are counted, never dropped silently."""
    sign = ":white_check_mark:" if content["kind"] == "resolved" else _SIGN.get(
        content["severity"], ":large_orange_circle:"
    )  # fmt: skip
    head = f"{sign} *{escaped(content['title'])[:_HEADER_CAP]}*"
    lines, shown = [], 0
    room = _TOTAL_CAP - len(head) - 600
    for member in content["members"]:
        line = _line(member)
        if len(line) > room:
            break
        room -= len(line)
        lines.append(line)
        shown += 1
    hidden = content["total"] - shown
    sections = [_section(head), *(_section(line) for line in lines)]
    if hidden:
        sections.append(_section(f"… and {hidden} more"))
    return [*sections[:48], {"type": "context", "elements": [_text(_footer(content))]}]


def _line(member: Mapping[str, Any]) -> str:
    text = (
        f"{member['sign']} *{member['status']}* {escaped(member['text'])}\nsince {member['since']}"
    )
    if member["link"]:
        text += f" · <{member['link']}|{escaped(member['subject'])}>"
    return text[:_SECTION_CAP]


def _footer(content: Mapping[str, Any]) -> str:
    parts = [f"rule {escaped(content['rule'])}"]
    if content["team"]:
        parts.append(f"team {escaped(content['team'])}")
    if content["runbook"]:
        parts.append(f"runbook {escaped(content['runbook'])}")
    if content.get("undeliverable"):
        parts.append(escaped(content["undeliverable"]))
    return " · ".join(parts)[:_SECTION_CAP]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}
