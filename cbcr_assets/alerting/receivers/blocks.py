"""A message as Slack's Block Kit, within Slack's sizes and with its markup escaped.

Belongs here: Block Kit. Does not belong here: sending (see `slack` and `slack_webhook`).

Slack takes 50 blocks and 3000 characters a section, and refuses about 13 kB in all.
"""

from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Message, Thread
from cbcr_assets.alerting.model import Links

Block = dict[str, Any]
_SECTION = 3_000
_MEMBER = 1_200
_TOTAL = 10_000
_SHORT = 400


def escape(text: str, limit: int) -> str:
    """Return text that Slack shows as it is, at most `limit` characters with the escapes."""
    cut = text
    while len(escaped := _escaped(cut)) > limit:
        excess = len(escaped) - limit
        cut = cut.removesuffix("…")[: -(excess // 5 + 2)] + "…"
    return escaped


def blocks(message: Message, links: Links) -> list[Block]:
    """Return the blocks of a message; what has no room is counted, never silently left out."""
    head = _section(f"*{escape(render.title(message), _SHORT)}*")
    foot = [escape(note, _SHORT) for note in render.notes(message, links)]
    room = _TOTAL - len(head["text"]["text"]) - sum(map(len, foot)) - _SHORT
    shown: list[Block] = []
    for member in message.members:
        first, *rest = render.lines(member, message, links)
        kept = [f"*{escape(first, _MEMBER // 2)}*", *(escape(line, _SHORT) for line in rest)]
        section = "\n".join(kept)[:_SECTION]
        if len(section) > room:
            break
        room -= len(section)
        shown.append(_section(section))
    if left_out := len(message.members) - len(shown):
        foot.insert(0, f"… {left_out} of these have no room here, {message.total} in all")
    return [head, *shown, _context("\n".join(foot))]


def summary(message: Message) -> str:
    """Return the line that notifications show."""
    line = escape(render.title(message), _SHORT)
    if message.total == 1 and message.members:
        line += f"\n{escape(message.members[0].summary, _SHORT)}"
    return line


def over(message: Message, thread: Thread, links: Links) -> tuple[str, list[Block]]:
    """Return text and blocks that replace the message a thread began with."""
    line = escape(render.over(message, thread), _SHORT)
    about = blocks(message, links)[1:-1] if message.total == thread.total else []
    return line, [_section(f"*{line}*"), *about]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:_SECTION]}]}
