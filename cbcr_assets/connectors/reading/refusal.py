"""What a log or an answer holds that cannot be used: kept whole, with its place and the reason.

Belongs here: collecting rejects; neighbouring bad lines make one reject.
Does not belong here: deciding what is bad.
"""

from cbcr_assets.connectors.base import Envelope, Parsed, Reject
from cbcr_assets.connectors.transports.text import clean

_MAX_PAYLOAD = 64 * 1024


class Refused(Exception):
    """This part of an answer cannot be used: the rule it breaks, why, and the line if known."""

    def __init__(self, rule: str, reason: str, *, line: int = 1) -> None:
        """Name the rule and the reason."""
        super().__init__(reason)
        self.rule = rule
        self.line = line


class Refusals:
    """The rejects of one envelope."""

    def __init__(self, envelope: Envelope, table: str | None = None) -> None:
        """Start with none. `table` is the raw table that the input was meant for."""
        self.rejects: list[Reject] = []
        self._envelope = envelope
        self._table = table
        self._run: list[str] = []
        self._first = (0, "", "")

    def add(self, place: int | str, rule: str, reason: str, payload: str) -> None:
        """Refuse something at a line or position."""
        where = f"{self._envelope.native_id}:{place}"
        if len(payload) > _MAX_PAYLOAD:
            payload = f"{payload[:_MAX_PAYLOAD]}… ({len(payload)} characters)"
        text = clean(f"{where}: {reason}")
        self.rejects.append(Reject(clean(where), rule, text, clean(payload), self._table))

    def line(self, number: int, rule: str, reason: str, line: str) -> None:
        """Refuse a line together with its bad neighbours."""
        if self._run and self._first[1] != rule:
            self.flush()
        if not self._run:
            self._first = (number, rule, reason)
        self._run.append(line)

    def flush(self) -> None:
        """End the run of bad lines."""
        if self._run:
            number, rule, reason = self._first
            count = f" ({len(self._run)} lines)" if len(self._run) > 1 else ""
            self.add(number, rule, reason + count, "\n".join(self._run))
            self._run = []


def refused_whole(
    envelope: Envelope, rule: str, reason: str, *, place: int | str = 1, carry: str = ""
) -> Parsed:
    """Refuse a whole envelope: it says nothing that can be used."""
    refusals = Refusals(envelope)
    refusals.add(place, rule, reason, envelope.payload)
    (reject,) = refusals.rejects
    return Parsed(rejects=(reject,), seen=1, ok=False, error=reject.reason, carry=carry)


def brief(value: object, limit: int = 60) -> str:
    """Show a value in a message."""
    try:
        text = clean(repr(value))
    except (RecursionError, ValueError):  # nested too deep, or a number too long to print
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[:limit] + "…"
