"""The words of a message: what, which, since when, how bad, what to do. No channel's format.

Belongs here: sentences, units, links. Does not belong here: markup (see `receivers`).
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from cbcr_assets.alerting.message import Member, Message, Thread
from cbcr_assets.alerting.model import Links

_SIGNS = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_RESOLVED_SIGN = "✅"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


def title(message: Message) -> str:
    """Return the one line that says it all."""
    team = f" (team {message.team})" if message.team else ""
    if message.total == 1 and message.members:
        member = message.members[0]
        what = member.subject_id if _is_over(message) else f"{member.subject_id} {member.status}"
    else:
        what = f"{message.total} {_plural(message)}"
        if message.counts and not _is_over(message):
            counts = sorted(message.counts.items(), key=lambda pair: -pair[1])
            what += ": " + ", ".join(f"{count} {status}" for status, count in counts)
    if _is_over(message):
        return f"{_RESOLVED_SIGN} Resolved {message.rule}: {what}{team}"
    worse = " WORSE" if message.kind == "worsened" else ""
    severity = message.severity.upper()
    return f"{_SIGNS[message.severity]} {severity}{worse} {message.rule}: {what}{team}"


def lines(member: Member, message: Message, links: Links) -> list[str]:
    """Return what is said about one episode; the first line is the most important one."""
    if _is_over(message):
        lasted = human_s((message.evaluated_at - member.started_at).total_seconds())
        found = [f"{member.subject_id} is ok again: {member.summary or 'no detail'}"]
        if member.was:
            found.append(f"it was: {member.was}")
        found.append(f"since {utc(member.started_at)}, for {lasted}")
        return found
    found = [f"{member.subject_id} {member.status}: {member.summary or 'no detail'}"]
    code = member.labels.get("error_code")
    if code and code not in member.summary:
        found.append(f"error code {code}")
    found.append("; ".join([f"since {utc(member.started_at)}", *_how_bad(member)]))
    if member.runbook:
        found.append(f"what to do: {member.runbook}")
    found.append(f"look at it: {link(member, links)}")
    return found


def notes(message: Message, links: Links) -> list[str]:
    """Return what is said once, below the episodes."""
    found = []
    if message.not_listed:
        found.append(f"… and {message.not_listed} more, {message.total} in all")
    if message.undelivered:
        who, why = message.undelivered.receiver, message.undelivered.why
        found.append(f"meant for {who}, which did not take it: {why}")
    found.append(f"evaluated {utc(message.evaluated_at)}")
    found.append(f"dashboard {links.dashboard_url}, Dagster {links.dagster_url}")
    return found


def text(message: Message, links: Links) -> str:
    """Return the whole message as plain text."""
    parts = [title(message)]
    for member in message.members:
        first, *rest = lines(member, message, links)
        parts += [f"- {first}", *(f"  {line}" for line in rest)]
    return "\n".join(parts + notes(message, links))


def over(message: Message, thread: Thread) -> str:
    """Return the line that replaces a message all of whose episodes are over."""
    count = "it is" if thread.total == 1 else f"all {thread.total} are"
    return f"{_RESOLVED_SIGN} {message.rule}: {count} ok since {utc(message.evaluated_at)}"


def link(member: Member, links: Links) -> str:
    """Return where the dashboard shows a subject."""
    if member.subject_kind == "instance":
        return f"{links.dashboard_url}/instance?id={quote(member.subject_id, safe='')}"
    return links.dashboard_url


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
    sign = "-" if seconds < 0 else ""
    whole = timedelta(seconds=round(abs(seconds)))
    hours, rest = divmod(whole.seconds, 3600)
    minutes, left = divmod(rest, 60)
    sizes = {"d": whole.days, "h": hours, "min": minutes, "s": left}
    units = list(sizes)
    first = next((i for i, unit in enumerate(units) if sizes[unit]), len(units) - 1)
    shown = [u for u in units[first : first + 2] if sizes[u] or u == units[first]]
    return sign + " ".join(f"{sizes[unit]} {unit}" for unit in shown)


def _how_bad(member: Member) -> list[str]:
    if member.value is None:
        return []
    value = human(member.value, member.unit)
    if member.objective is None:
        return [f"measured {value}"]
    ratio = f" ({member.value / member.objective:.3g} times)" if member.objective > 0 else ""
    return [f"measured {value}, objective {human(member.objective, member.unit)}{ratio}"]


def _is_over(message: Message) -> bool:
    return message.kind == "resolved"


def _plural(message: Message) -> str:
    kinds = {member.subject_kind for member in message.members}
    if len(kinds) != 1:
        return "subjects"
    [kind] = kinds
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
