"""From an envelope to the reader of its kind, after what is the same for every tool.

Belongs here: a source that did not answer, a failed command, an unknown zone or kind.
Does not belong here: anything about a tool.
"""

from collections.abc import Callable, Mapping

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.cbcr.records import refused_whole
from cbcr_assets.connectors.transports.stamps import zone

Reader = Callable[[Envelope], Parsed]


def dispatch(envelope: Envelope, readers: Mapping[str, Reader], *, tool: str) -> Parsed:
    """Read a whole document with the reader of its kind.

    Args:
        envelope: What the source said.
        readers: By kind.
        tool: For messages.
    """
    if envelope.error is not None:
        return Parsed(ok=False, error=envelope.error)
    if envelope.rc:
        reason = f"the command ended with exit code {envelope.rc}, so its output proves nothing"
        return Parsed(ok=False, error=reason)
    try:
        zone(envelope.tz)
    except ValueError as error:
        return refused_whole(envelope, "timezone", str(error))
    reader = readers.get(envelope.kind)
    if reader is None:
        known = ", ".join(sorted(readers))
        reason = f"{tool} has no kind {envelope.kind!r}; it reads {known}"
        return refused_whole(envelope, "kind", reason)
    return reader(envelope)
