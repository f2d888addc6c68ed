"""The words of a message: what, which, since when, how bad, what to do. No channel's format.

Belongs here: sentences, units, links. Does not belong here: markup (see `receivers`).
"""

import math
from datetime import datetime, timedelta
from urllib.parse import quote

from cbcr_assets.alerting.message import Member, Message, Thread
from cbcr_assets.alerting.model import Links

_SIGNS = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_RESOLVED_SIGN = "✅"
_SEEN_SIGN = "👀"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_LONGEST_TITLE = 300
_LONGEST_S = 1e12


def title(message: Message, longest: int = _LONGEST_TITLE) -> str:
    """Return the one line that says it all, at most `longest` characters."""
    before, what, after = _title(message)
    room = longest - len(before) - len(after)
    line = before + (what if len(what) <= room else what[: max(room - 1, 0)] + "…") + after
    return line if len(line) <= longest else line[: longest - 1] + "…"


def sign(message: Message) -> str:
    """Return the coloured sign of a message."""
    if message.is_over:
        return _RESOLVED_SIGN
    return _SEEN_SIGN if message.told_as == "acknowledged" else _SIGNS.get(message.severity, "🟠")


def member_sign(member: Member) -> str:
    """Return the coloured sign of one episode."""
    return _RESOLVED_SIGN if member.is_over else _SIGNS.get(member.severity, "🟠")


def statement(member: Member) -> str:
    """Return what is the case, in a sentence that names the subject."""
    said = member.summary or f"is {member.status}, no detail is known"
    if member.subject_id in said:
        return said
    return f"{member.subject_id}: {said}" if member.summary else f"{member.subject_id} {said}"


def facts(member: Member, message: Message) -> list[tuple[str, str]]:
    """Return what is said beside the statement: names of facts, and the facts."""
    now = message.evaluated_at
    if member.is_over:
        lasted = human_s((now - member.started_at).total_seconds())
        was = [("It was", member.was)] if member.was else []
        return [*was, ("Lasted", f"{lasted}, since {utc(member.started_at)}")]
    found = [("Since", f"{utc(member.started_at)}, {_ago(member, message)}")]
    found += [("How bad", bad) for bad in how_bad(member)]
    found.append(("Verdict", f"{message.rule or 'rule'} {member.status}"))
    code = member.labels.get("error_code")
    if code and code not in member.summary:
        found.append(("Error code", code))
    if member.runbook:
        found.append(("What to do", member.runbook))
    return found


def lines(member: Member, message: Message, links: Links) -> list[str]:
    """Return what is said about one episode; the first line is the most important one."""
    found = [f"{member_sign(member)} {statement(member)}"]
    found += [f"{name}: {fact}" for name, fact in facts(member, message)]
    if not member.is_over:
        found.append(f"Look at it: {link(member, links)}")
    return found


def brief(member: Member, message: Message) -> str:
    """Return one line of facts about one episode of many."""
    return ", ".join(
        f"{name.lower()} {fact}" for name, fact in facts(member, message) if name != "What to do"
    )


def notes(message: Message) -> list[str]:
    """Return what is said once, below the episodes."""
    found = []
    if message.not_listed:
        found.append(f"… and {message.not_listed} more, {message.total} in all")
    if message.acknowledged_by and message.told_as != "acknowledged":
        found.append(f"Acknowledged by {message.acknowledged_by}")
    if message.undelivered:
        who, why = message.undelivered.receiver, message.undelivered.why
        found.append(f"Meant for {who}, which did not take it: {why}")
    found.append(f"Evaluated {utc(message.evaluated_at)}")
    return found


def text(message: Message, links: Links, *, longest: int = 100_000) -> str:
    """Return the whole message as plain text; what has no room is counted."""
    first = title(message)
    last = [*notes(message), f"Dashboard {links.dashboard_url}, Dagster {links.dagster_url}"]
    room = longest - len(first) - sum(len(line) + 1 for line in last) - 100
    parts, shown = [first], 0
    for member in message.members:
        said = "\n  ".join(lines(member, message, links))
        if len(said) + 1 > room:
            break
        room -= len(said) + 1
        parts.append(said)
        shown += 1
    if left_out := len(message.members) - shown:
        parts.append(f"… {left_out} of these have no room here, {message.total} in all")
    return "\n".join(parts + last)[:longest]


def over(message: Message, thread: Thread) -> str:
    """Return the line that replaces a message all of whose episodes are over."""
    count = "it is" if thread.total == 1 else f"all {thread.total} are"
    what = _only_subject(message) if thread.total == 1 else ""
    subject = f" {what}:" if what else ""
    return f"{_RESOLVED_SIGN} {message.rule}:{subject} {count} ok since {utc(message.evaluated_at)}"


def link(member: Member, links: Links) -> str:
    """Return where the dashboard shows a subject."""
    if member.subject_kind == "instance":
        return f"{links.dashboard_url}/instance?id={quote(member.subject_id, safe='')}"
    return links.dashboard_url


def how_bad(member: Member) -> list[str]:
    """Return what was measured against what was promised; nothing if nothing was."""
    if member.value is None:
        return []
    value = human(member.value, member.unit)
    if member.objective is None:
        return [value]
    ratio = member.value / member.objective if member.objective > 0 else math.inf
    times = f" ({ratio:.3g} times)" if math.isfinite(ratio) else ""
    return [f"{value}, objective {human(member.objective, member.unit)}{times}"]


def utc(moment: datetime) -> str:
    """Return a naive UTC moment for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def human(value: float, unit: str) -> str:
    """Return a measured value with its unit."""
    if unit == "s":
        return human_s(value)
    if unit == "bytes":
        power = 0
        while abs(value) >= 1000 and power < len(_BYTES) - 1:
            value, power = value / 1000, power + 1
        return f"{value:.3g} {_BYTES[power]}"
    return f"{value:.4g} {unit}".strip()


def human_s(seconds: float) -> str:
    """Return a duration with its two largest units."""
    minus = "-" if seconds < 0 else ""
    if abs(seconds) > _LONGEST_S:
        return f"{seconds / 86400:.3g} d"
    whole = timedelta(seconds=round(abs(seconds)))
    hours, rest = divmod(whole.seconds, 3600)
    minutes, left = divmod(rest, 60)
    sizes = {"d": whole.days, "h": hours, "min": minutes, "s": left}
    units = list(sizes)
    first = next((i for i, unit in enumerate(units) if sizes[unit]), len(units) - 1)
    shown = [u for u in units[first : first + 2] if sizes[u] or u == units[first]]
    return minus + " ".join(f"{sizes[unit]} {unit}" for unit in shown)


def _title(message: Message) -> tuple[str, str, str]:
    """Return sign and severity, what is the case, and whose it is."""
    team = f"team {message.team}" if message.team else ""
    mine = f" ({team})" if team else ""
    subject = _only_subject(message)
    if message.is_over:
        return f"{_RESOLVED_SIGN} Resolved {message.rule}: ", subject or _count(message), mine
    if message.told_as == "acknowledged":
        who = f" by {message.acknowledged_by}" if message.acknowledged_by else ""
        what = f"{message.rule}: {subject or _count(message)}"
        return f"{_SEEN_SIGN} Acknowledged{who}: ", what, mine
    before = f"{sign(message)} {message.severity.upper()}{_emphasis(message)} "
    if subject:
        headline = statement(message.members[0]).partition("; ")[0]
        about = ", ".join(part for part in (message.rule, team) if part)
        return before, headline, f" ({about})"
    where = f" in {message.groups} groups" if message.groups > 1 else ""
    rule = f"{message.rule}: " if message.rule else ""
    return before + rule, f"{_count(message)}{where}", mine


def _emphasis(message: Message) -> str:
    if message.told_as == "escalation":
        return f" NOBODY ACKNOWLEDGED, step {message.step}:" if message.step else " ESCALATED"
    if message.told_as == "repeat":
        return " STILL:"
    return " WORSE:" if message.kind == "worsened" else ""


def _only_subject(message: Message) -> str:
    return message.members[0].subject_id if message.total == 1 and message.members else ""


def _count(message: Message) -> str:
    what = f"{message.total} {_plural(message)}"
    if not message.counts or message.is_over:
        return what
    counts = sorted(message.counts.items(), key=lambda pair: -pair[1])
    return f"{what}: " + ", ".join(f"{count} {status}" for status, count in counts)


def _ago(member: Member, message: Message) -> str:
    seconds = (message.evaluated_at - member.started_at).total_seconds()
    return f"{human_s(seconds)} ago" if seconds >= 1 else "just now"


def _plural(message: Message) -> str:
    kinds = {member.subject_kind for member in message.members}
    if len(kinds) != 1 or "" in kinds:
        return "subject" if message.total == 1 else "subjects"
    [kind] = kinds
    if message.total == 1:
        return kind
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
