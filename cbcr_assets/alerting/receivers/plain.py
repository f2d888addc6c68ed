"""Text that any channel can take: no control characters, nothing turned around, not endless.

Belongs here: cleaning and cutting of text, and of all texts of a message.
Does not belong here: escaping (each channel's own).

What a tool or a person wrote ends up in these texts, so a name may hold anything.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from cbcr_assets.alerting.message import Member, Message, Undelivered
from cbcr_assets.alerting.model import Links

_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
# They show text in another order than it is in.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff]")
# Halves of characters and what is none: JSON and UTF-8 of others refuse them.
_NONE = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
_RUNBOOKS = "docs/runbooks/"
_NAME = 200
_SENTENCE = 1_000
_LABELS = 50


def units(text: str) -> int:
    """Return the length of a text as JavaScript and Java count it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` units; that it was cut is seen."""
    if units(text) <= limit:
        return text
    cut = text[: limit - 1]
    while (excess := units(cut) - (limit - 1)) > 0:
        cut = cut[: -(excess // 2 + 1)]
    return cut.rstrip() + "…"


def clean(text: str, limit: int) -> str:
    """Return one line of text without control characters, at most `limit` units."""
    # Cut first: cleaning a text of 100 MB would take longer than sending it.
    rough = text[: 2 * limit + 2]
    rough = _NONE.sub("\ufffd", _TURNING.sub("", rough))
    return shorten(_SPACE.sub(" ", rough).strip(), limit)


def tidy(message: Message) -> Message:
    """Return the message with all of its texts clean."""
    lost = message.undelivered
    return replace(
        message,
        rule=clean(message.rule, _NAME),
        team=clean(message.team, _NAME),
        counts={clean(name, _NAME): count for name, count in message.counts.items()},
        members=tuple(tidy_member(member) for member in message.members),
        others=tuple(tidy_member(member) for member in message.others),
        evaluation_id=clean(message.evaluation_id, _NAME),
        undelivered=Undelivered(lost.receiver, clean(lost.why, _SENTENCE)) if lost else None,
        incident=_identity(message.incident),
        group=_labels(message.group),
        by=clean(message.by, _NAME),
    )


def with_runbooks(message: Message, links: Links) -> Message:
    """Return the message with runbooks that can be clicked, if it is known where they are."""
    if not links.runbooks_url:
        return message
    base = links.runbooks_url.rstrip("/")
    members = (
        replace(m, runbook=f"{base}/{quote(m.runbook.removeprefix(_RUNBOOKS))}")
        if m.runbook.startswith(_RUNBOOKS)
        else m
        for m in message.members
    )
    return replace(message, members=tuple(members))


def tidy_member(member: Member) -> Member:
    """Return the episode with all of its texts clean."""
    return replace(
        member,
        subject_kind=clean(member.subject_kind, _NAME),
        subject_id=clean(member.subject_id, _NAME),
        status=clean(member.status, _NAME),
        value=_number(member.value),
        objective=_number(member.objective),
        unit=clean(member.unit, _NAME),
        summary=clean(member.summary, _SENTENCE),
        was=clean(member.was, _SENTENCE),
        runbook=clean(member.runbook, _SENTENCE),
        labels=_labels(member.labels),
        acked_by=clean(member.acked_by, _NAME),
        rule=clean(member.rule, _NAME),
        team=clean(member.team, _NAME),
    )


def _identity(name: str) -> str:
    """Return a name that every pager takes; a cut one could be that of another incident."""
    if units(name) <= _NAME and clean(name, _NAME) == name:
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    first = list(labels.items())[:_LABELS]
    return {clean(name, _NAME): clean(value, _SENTENCE) for name, value in first}


def _number(value: float | None) -> float | None:
    """JSON has no way to write what is no number."""
    return value if value is not None and math.isfinite(value) else None
