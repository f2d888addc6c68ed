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
_NAMED = 10
_LONGEST_S = 1e12
# Which page of the dashboards shows a kind of subject, up to its name.
_PAGES = {"instance": "instance?id=", "volume": "capacity?volume="}


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


def headline(member: Member) -> str:
    """Return the first part of the statement: what is wrong, without the details."""
    return statement(member).partition("; ")[0]


def details(message: Message, shown: str) -> str:
    """Return what the title, as it is shown, has not said about the only episode."""
    [member] = message.members
    first, _, rest = statement(member).partition("; ")
    return rest[:1].upper() + rest[1:] if first in shown else statement(member)


def facts(member: Member, message: Message) -> list[tuple[str, str]]:
    """Return what is said beside the statement: names of facts, and the facts."""
    now = message.evaluated_at
    if member.is_over:
        lasted = human_s((now - member.started_at).total_seconds())
        found = [("It was", member.was)] if member.was else []
        found.append(("Lasted", f"{lasted}, since {minute(member.started_at)}"))
        if member.is_untold:
            found.append(("Told late", "it began and ended before this could be told"))
        if member.is_flapping:
            found.append(("Flapping", "it changed often; its end was held back until it was quiet"))
        return found
    found = [("Since", f"{minute(member.started_at)}, {_ago(member, message)}")]
    found += [("How bad", bad) for bad in how_bad(member)]
    found.append(("Verdict", f"{member.rule or message.rule} {member.status}".strip()))
    code = member.labels.get("error_code")
    if code and code not in member.summary:
        found.append(("Error code", code))
    if member.acked_by:
        found.append(("Taken care of", f"by {member.acked_by}"))
    if member.runbook:
        found.append(("What to do", member.runbook))
    return found


def lines(member: Member, message: Message, links: Links) -> list[str]:
    """Return what is said about one episode; the first line is the most important one."""
    is_alone = len(message.members) == message.total == 1
    said = details(message, title(message)) if is_alone else statement(member)
    found = [said if is_alone else f"{member_sign(member)} {said}"] if said else []
    found += [f"{name}: {fact}" for name, fact in facts(member, message)]
    if not member.is_over:
        found.append(f"Look at it: {link(member, links)}")
    return found


def brief(member: Member, message: Message) -> str:
    """Return one line of facts about one episode of many."""
    lasted = human_s((message.evaluated_at - member.started_at).total_seconds())
    if member.is_over:
        return f"lasted {lasted}"
    code = member.labels.get("error_code")
    return " · ".join(
        [
            f"{member.status} for {lasted}",
            *how_bad(member),
            *([f"error code {code}"] if code else []),
        ]
    )


def notes(message: Message) -> list[str]:
    """Return what is said once, below the episodes."""
    found = []
    if message.not_listed:
        found.append(f"… and {message.not_listed} more, {message.total} in all")
    if message.others_total:
        names = ", ".join(member.subject_id for member in message.others[:_NAMED])
        more = f" and {message.others_total - _NAMED} more" if message.others_total > _NAMED else ""
        found.append(f"{'Still bad' if message.is_over else 'Ok again'}: {names}{more}")
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
    since = utc(message.evaluated_at)
    return f"{_RESOLVED_SIGN} {_rule(message)}:{subject} {count} ok since {since}"


def link(member: Member, links: Links) -> str:
    """Return where the dashboard shows a subject."""
    page = _PAGES.get(member.subject_kind)
    if page is None:
        return links.dashboard_url
    return f"{links.dashboard_url}/{page}{quote(member.subject_id, safe='')}"


def how_bad(member: Member) -> list[str]:
    """Return what was measured against what was promised; nothing if nothing was."""
    if member.value is None:
        return []
    value = human(member.value, member.unit)
    if member.objective is None:
        return [value]
    objective = human(member.objective, member.unit)
    share = 100 * member.value / member.objective if member.objective > 0 else math.inf
    if not math.isfinite(share):
        return [f"{value}, the objective is {objective}"]
    return [f"{value}, {share:.0f} % of the objective {objective}"]


def utc(moment: datetime) -> str:
    """Return a naive UTC moment for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def minute(moment: datetime) -> str:
    """Return a naive UTC moment for people who do not ask for seconds."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


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
    if message.told_as == "digest":
        return f"{sign(message)} ", _digest(message), mine
    if message.is_over:
        return f"{_RESOLVED_SIGN} {_ended(message)} {_rule(message)}: ", _what_ended(message), mine
    if message.told_as == "acknowledged":
        what = f"{_rule(message)}: {subject or _count(message)}"
        return f"{_SEEN_SIGN} {message.by or 'Somebody'} takes care of ", what, mine
    before = f"{sign(message)} {message.severity.upper()}{_emphasis(message)} "
    if subject:
        about = ", ".join(part for part in (message.rule, team) if part)
        return before, headline(message.members[0]), f" ({about})" if about else ""
    return before + f"{_rule(message)}: ", _count(message), mine


def _digest(message: Message) -> str:
    where = f"in {message.groups} groups"
    if message.is_over:
        return f"STORM: {message.total} alerts resolved {where}"
    ended = f", {message.others_total} resolved" if message.others_total else ""
    counts = f": {_counts(message)}" if message.counts else ""
    return f"{message.severity.upper()} STORM: {message.total} alerts {where}{counts}{ended}"


def _ended(message: Message) -> str:
    untold = message.members and all(member.is_untold for member in message.members)
    return "Fired and resolved" if untold else "Resolved"


def _what_ended(message: Message) -> str:
    still = f", {message.others_total} still bad" if message.others_total else ""
    return (_only_subject(message) or f"{message.total} {_plural(message)}") + still


def _emphasis(message: Message) -> str:
    if message.told_as == "escalation":
        step = f" (step {message.escalation_step})" if message.escalation_step else ""
        return f", NOBODY ACKNOWLEDGED{step}:"
    if message.told_as == "repeat":
        return ", STILL:"
    return ", WORSE:" if message.kind == "worsened" else ""


def _rule(message: Message) -> str:
    return message.rule or "several rules"


def _only_subject(message: Message) -> str:
    return message.members[0].subject_id if message.total == 1 and message.members else ""


def _count(message: Message) -> str:
    what = f"{message.total} {_plural(message)}"
    return f"{what}: {_counts(message)}" if message.counts else what


def _counts(message: Message) -> str:
    counts = sorted(message.counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count} {status}" for status, count in counts)


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
