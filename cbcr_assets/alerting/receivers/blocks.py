"""A message as Slack's Block Kit, within Slack's sizes and with nothing taken for markup.

Belongs here: Block Kit. Does not belong here: sending (see `slack` and `slack_webhook`).

Slack takes 50 blocks, 150 characters a header, 3000 a section, 2000 a field, and refuses about
13 kB in all. What others wrote goes into `plain_text`, where Slack looks for no markup (its
`mrkdwn` has no escape for `*`, `_` and backticks); `mrkdwn` holds our own words and links only.
"""

from typing import Any
from urllib.parse import quote

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Member, Message, Thread
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.plain import shorten, units

Block = dict[str, Any]
ACKNOWLEDGE = "cbcr_acknowledge"
_HEADER = 150
_FIELD = 400
_STATEMENT = 700
_BRIEF = 500
_NOTE = 400
_LINK = 700
_SPARE = 1_500
_TOTAL = 10_000
_FIELDS = 10


def blocks(message: Message, links: Links, *, button: str = "") -> list[Block]:
    """Return the blocks of a message; what has no room is counted, never silently left out.

    Args:
        message: The message, tidy.
        links: Where people find more.
        button: Value of the button that acknowledges; without one there is no button.
    """
    title = shorten(render.title(message, _HEADER), _HEADER)
    head = {"type": "header", "text": _plain(title, _HEADER)}
    if message.total == 1 and len(message.members) == 1:
        about = _one(message.members[0], message, title)
        left_out = 0
    else:
        about = _many(message, _TOTAL - _SPARE)
        left_out = len(message.members) - len(about)
    notes = render.notes(message)
    if left_out:
        notes.insert(0, f"… {left_out} of these have no room here, {message.total} in all")
    foot = {"type": "context", "elements": [_plain(" · ".join(notes), _NOTE)]}
    return [head, *about, *_acknowledge(button), _links(message, links), foot]


def summary(message: Message) -> str:
    """Return the line that notifications show; Slack reads markup there, so it is escaped."""
    return escape(render.title(message), _NOTE)


def over(message: Message, thread: Thread, links: Links) -> tuple[str, list[Block]]:
    """Return text and blocks that replace the message a thread began with."""
    line = render.over(message, thread)
    about = blocks(message, links)[1:-1] if message.total == thread.total else []
    return escape(line, _NOTE), [{"type": "header", "text": _plain(line, _HEADER)}, *about]


def escape(text: str, limit: int) -> str:
    """Return text without Slack's control sequences, at most `limit` units with the escapes."""
    cut = text
    while (excess := units(escaped := _escaped(cut)) - limit) > 0:
        cut = cut.removesuffix("…")[: -(excess // 5 + 2)] + "…"
    return escaped


def _one(member: Member, message: Message, title: str) -> list[Block]:
    # What is an address becomes a link below.
    facts = [(n, fact) for n, fact in render.facts(member, message) if not _is_url(fact)]
    long = [(name, fact) for name, fact in facts if units(fact) > _FIELD // 2]
    fields = [_plain(f"{name}\n{fact}", _FIELD) for name, fact in facts if (name, fact) not in long]
    said = render.details(message, title)
    sentences = [*([said] if said else []), *(f"{name}: {fact}" for name, fact in long)]
    shown: list[Block] = [
        {"type": "section", "text": _plain(sentence, _STATEMENT)} for sentence in sentences
    ]
    if fields:
        shown.append({"type": "section", "fields": fields[:_FIELDS]})
    return shown


def _many(message: Message, room: int) -> list[Block]:
    shown: list[Block] = []
    for member in message.members:
        sign, brief = render.member_sign(member), render.brief(member, message)
        line = f"{sign} {shorten(render.headline(member), _BRIEF)}\n{shorten(brief, _BRIEF)}"
        if units(line) > room:
            break
        room -= units(line)
        shown.append({"type": "section", "text": _plain(line, 2 * _BRIEF + 10)})
    return shown


def _links(message: Message, links: Links) -> Block:
    places = [("Dashboard", links.dashboard_url), ("Dagster", links.dagster_url)]
    if len(message.members) == 1:
        places.insert(0, ("Look at it", render.link(message.members[0], links)))
    # Of many, only what is the same for all.
    runbooks = {m.runbook for m in message.members if not m.is_over and _is_url(m.runbook)}
    if len(runbooks) == 1:
        places.insert(0, ("What to do", runbooks.pop()))
    # A link that was cut would lead astray.
    found = [f"<{url}|{name}>" for name, place in places if len(url := _url(place)) <= _LINK]
    return {"type": "section", "text": {"type": "mrkdwn", "text": "  ·  ".join(found) or "–"}}


def _acknowledge(button: str) -> list[Block]:
    if not button:
        return []
    element = {
        "type": "button",
        "action_id": ACKNOWLEDGE,
        "style": "primary",
        "text": {"type": "plain_text", "text": "Acknowledge"},
        "value": button,
    }
    return [{"type": "actions", "elements": [element]}]


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))


def _url(text: str) -> str:
    # Neither an end of the link nor one of its label may be in it.
    return quote(text, safe=":/?#[]@!$&'()*+,;=%~").replace("&", "&amp;")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, limit: int) -> Block:
    # An empty text is refused, and `:words:` must not become pictures.
    return {"type": "plain_text", "text": shorten(text, limit) or "–", "emoji": False}
