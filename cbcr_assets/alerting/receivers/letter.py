"""How a letter looks: subject, plain text, HTML, and the headers that make a thread.

Belongs here: the form of a mail. Does not belong here: the mail server (see `mail`), words
(see `render`).
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Member, Message, Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.config.receivers import EmailReceiver

_SUBJECT = 180
_TEXT = 50_000
_END = "\r\n"
_COLOURS = {"critical": "#b3261e", "warning": "#b45309", "info": "#1d4ed8"}
_GREEN = "#15803d"
_GREY = "#57606a"
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    '<body style="margin:0;padding:16px;font:16px/1.45 system-ui,Segoe UI,Roboto,sans-serif;'
    'color:#1f2328;background:#fff"><div style="max-width:720px">{content}</div></body></html>'
)


def letter(
    outgoing: Outgoing,
    config: EmailReceiver,
    links: Links,
    *,
    now: datetime,
    refused: Mapping[str, int],
) -> bytes:
    """Return the letter as the bytes that a mail server takes.

    Args:
        outgoing: What is said, tidy, and what it continues.
        config: Who writes to whom.
        links: Where people find more.
        now: Present, naive UTC.
        refused: Addresses that the mail server does not take, and its codes.
    """
    message = outgoing.message
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address("CBCR", addr_spec=config.sender)
    mail["To"] = [Address(addr_spec=address) for address in config.to]
    mail["Date"] = format_datetime(now.replace(tzinfo=UTC))
    mail["Message-ID"] = message_id(outgoing, config)
    root = _root(outgoing, config)
    if root != mail["Message-ID"]:
        mail["In-Reply-To"] = mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.severity == "critical" and not message.is_over:
        mail["Importance"] = "high"
    notes = [f"{who} did not get this: refused with {code}" for who, code in refused.items()]
    plain = render.text(message, links, longest=_TEXT)
    mail.set_content("\n".join([plain, *notes]) + "\n", cte="base64")
    mail.add_alternative(page(message, links, notes), subtype="html", cte="base64")
    # EmailMessage itself loses spaces between words that it encodes.
    subject = Header(render.title(message, _SUBJECT), "utf-8", header_name="Subject")
    return f"Subject: {subject.encode(linesep=_END)}{_END}".encode("ascii") + mail.as_bytes()


def message_id(outgoing: Outgoing, config: EmailReceiver) -> str:
    """Return the identity of a letter: the same when it is sent twice."""
    return _identity(outgoing.message.id, config)


def page(message: Message, links: Links, notes: list[str]) -> str:
    """Return the letter as HTML."""
    colour = _GREEN if message.is_over else _COLOURS.get(message.severity, _COLOURS["warning"])
    title = escape(render.title(message))
    rows = [
        f'<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px;padding-left:12px;'
        f'border-left:6px solid {colour}">{title}</h1>'
    ]
    if len(message.members) == message.total == 1:
        rows.append(_one(message.members[0], message, links))
    else:
        rows += [_row(member, message, links) for member in message.members]
    small = [*render.notes(message), *notes]
    rows += [_small(escape(note)) for note in small]
    places = (_a("Dashboard", links.dashboard_url), _a("Dagster", links.dagster_url))
    rows.append(_small(" · ".join(places)))
    return _PAGE.format(title=title, content="".join(rows))


def _one(member: Member, message: Message, links: Links) -> str:
    facts = "".join(
        f'<tr><td style="padding:3px 16px 3px 0;color:{_GREY};white-space:nowrap;'
        f'vertical-align:top">{escape(name)}</td><td style="padding:3px 0">{_fact(fact)}</td></tr>'
        for name, fact in render.facts(member, message)
    )
    return (
        f'<p style="margin:0 0 12px">{escape(render.details(message, render.title(message)))}</p>'
        f'<table style="border-collapse:collapse;margin:0 0 12px">{facts}</table>'
        f'<p style="margin:0 0 16px;font-weight:bold">'
        f"{_a('Look at it', render.link(member, links))}</p>"
    )


def _row(member: Member, message: Message, links: Links) -> str:
    said = escape(f"{render.member_sign(member)} {render.headline(member)}")
    return (
        f'<p style="margin:0 0 10px">{said}<br><span style="color:{_GREY};font-size:14px">'
        f"{escape(render.brief(member, message))} · "
        f"{_a('look at it', render.link(member, links))}</span></p>"
    )


def _fact(fact: str) -> str:
    # Only a whole fact that is an address becomes a link.
    is_url = fact.startswith(("https://", "http://")) and " " not in fact
    return _a(fact, fact) if is_url else escape(fact)


def _a(name: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(name)}</a>'


def _small(content: str) -> str:
    return f'<p style="margin:0;color:{_GREY};font-size:13px">{content}</p>'


def _root(outgoing: Outgoing, config: EmailReceiver) -> str:
    """Return the letter that the thread begins with; where all know the incident, its name."""
    if outgoing.message.incident:
        return _identity(f"incident-{outgoing.message.incident}", config)
    ref = outgoing.thread.ref if outgoing.thread else ""
    is_one = ref.startswith("<") and ref.endswith(">") and ref.isascii() and ref.isprintable()
    return ref if is_one and " " not in ref else message_id(outgoing, config)


def _identity(name: str, config: EmailReceiver) -> str:
    # Of what a name may hold, a header takes little.
    short = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{short}@{config.sender.partition('@')[2]}>"
