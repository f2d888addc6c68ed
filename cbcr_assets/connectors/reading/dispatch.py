"""From an envelope to the reader of its kind, after what is the same for every tool.

Belongs here: a source that did not answer, a failed command, an unknown zone or kind.
Does not belong here: anything about a tool.
"""

from collections.abc import Callable, Mapping

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.refusal import Refused, refused_whole
from cbcr_assets.connectors.transports.stamps import zone

Reader = Callable[[Envelope], Parsed]


def dispatch(
    envelope: Envelope,
    readers: Mapping[str, Reader],
    *,
    tool: str,
    carry: str = "",
    despite_rc: frozenset[str] = frozenset(),
) -> Parsed:
    """Read an envelope with the reader of its kind.

    Args:
        envelope: What the source said.
        readers: By kind; one may raise `Refused` when the whole answer cannot be used.
        tool: For messages.
        carry: Of a stream; handed back when this piece cannot be read.
        despite_rc: Kinds that say something even when their command failed.
    """
    if envelope.error is not None:
        return Parsed(ok=False, error=envelope.error, carry=carry)
    if envelope.rc and envelope.kind not in despite_rc:
        return _failed(envelope, carry)
    try:
        zone(envelope.tz)
    except ValueError as error:
        return refused_whole(envelope, "timezone", str(error), carry=carry)
    reader = readers.get(envelope.kind)
    if reader is None:
        known = ", ".join(sorted(readers))
        reason = f"{tool} has no kind {envelope.kind!r}; it reads {known}"
        return refused_whole(envelope, "kind", reason, carry=carry)
    try:
        parsed = reader(envelope)
    except Refused as problem:
        return refused_whole(envelope, problem.rule, str(problem), place=problem.line, carry=carry)
    told = parsed.frames or parsed.verdicts or parsed.error
    return parsed if told or not envelope.rc else _failed(envelope, carry)


def _failed(envelope: Envelope, carry: str) -> Parsed:
    reason = f"the command ended with exit code {envelope.rc}, so its output proves nothing"
    return Parsed(ok=False, error=reason, carry=carry)
