"""The words of a message: what, which, since when, how bad, what to do. No channel's format.

Belongs here: sentences, units, links. Does not belong here: markup (see `receivers`).
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from cbcr_assets.alerting.message import Member, Message, Thread
from cbcr_assets.alerting.model import Links

_SIGNS = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
_RESOLVED_SIGN = "✅"
_WORDS = {"worsened": " WORSE", "repeat": " STILL", "escalation": " ESCALATED"}
_NAMED = 10
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


def title(message: Message) -> str:
    """Return the one line that says it all."""
    team = f" (team {message.team})" if message.team else ""
    if message.kind == "digest":
        return _digest(message)
    rule = message.rule or "several rules"
    if message.total == 1 and message.members:
        member = message.members[0]
        what = member.subject_id if _is_over(message) else f"{member.subject_id} {member.status}"
    else:
        what = f"{message.total} {_plural(message)}"
        if message.counts and not _is_over(message):
            what += ": " + _counts(message)
    if _is_over(message):
        untold = message.members and all(member.is_untold for member in message.members)
        word = "Fired and resolved" if untold else "Resolved"
        return f"{_RESOLVED_SIGN} {word} {rule}: {what}{team}"
    word = _WORDS.get(message.kind, "")
    severity = message.severity.upper()
    if message.kind == "acknowledged":
        return f"👀 {message.by} takes care of {rule}: {what}{team}"
    return f"{_SIGNS[message.severity]} {severity}{word} {rule}: {what}{team}"


def _digest(message: Message) -> str:
    over = f", {message.others_total} resolved" if message.others_total else ""
    if message.members and all(member.status == "ok" for member in message.members):
        return f"{_RESOLVED_SIGN} STORM: {message.total} resolved in {message.groups} groups"
    severity = message.severity.upper()
    counts = f": {_counts(message)}" if message.counts else ""
    return (
        f"{_SIGNS[message.severity]} {severity} STORM: {message.total} alerts"
        f" in {message.groups} groups{counts}{over}"
    )


def _counts(message: Message) -> str:
    counts = sorted(message.counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count} {status}" for status, count in counts)


def lines(member: Member, message: Message, links: Links) -> list[str]:
    """Return what is said about one episode; the first line is the most important one."""
    if _is_over(message) or member.status == "ok":
        lasted = human_s((message.evaluated_at - member.started_at).total_seconds())
        found = [f"{member.subject_id} is ok again: {member.summary or 'no detail'}"]
        if member.was:
            found.append(f"it was: {member.was}")
        found.append(f"since {utc(member.started_at)}, for {lasted}")
        if member.is_untold:
            found.append("it began and ended before this could be told")
        if member.is_flapping:
            found.append("it changed often; this end was held back until it was quiet")
        return found
    found = [f"{member.subject_id} {member.status}: {member.summary or 'no detail'}"]
    code = member.labels.get("error_code")
    if code and code not in member.summary:
        found.append(f"error code {code}")
    found.append("; ".join([f"since {utc(member.started_at)}", *_how_bad(member)]))
    if member.acked_by:
        found.append(f"{member.acked_by} takes care of it")
    if member.runbook:
        found.append(f"what to do: {member.runbook}")
    found.append(f"look at it: {link(member, links)}")
    return found


def notes(message: Message, links: Links) -> list[str]:
    """Return what is said once, below the episodes."""
    found = []
    if message.not_listed:
        found.append(f"… and {message.not_listed} more, {message.total} in all")
    if message.others_total:
        names = ", ".join(member.subject_id for member in message.others[:_NAMED])
        more = f" and {message.others_total - _NAMED} more" if message.others_total > _NAMED else ""
        found.append(f"{'still bad' if _is_over(message) else 'ok again'}: {names}{more}")
    if message.escalation_step:
        found.append(f"step {message.escalation_step} of the escalation: nobody has acknowledged")
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
    rule = message.rule or "several rules"
    return f"{_RESOLVED_SIGN} {rule}: {count} ok since {utc(message.evaluated_at)}"


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
