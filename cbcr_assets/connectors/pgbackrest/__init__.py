"""pgBackRest: its catalog (`info`) and its logs of backups, restores, expiry and verification.

Belongs here: the connector of tool `pgbackrest` with its five kinds.
Does not belong here: how the text came (transports) or where it goes (the pull).
"""

from collections.abc import Callable

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.backup_log import parse_backup_log
from cbcr_assets.connectors.pgbackrest.expire_verify import parse_expire_log, parse_verify_log
from cbcr_assets.connectors.pgbackrest.info import parse_info
from cbcr_assets.connectors.pgbackrest.refusals import refused_whole
from cbcr_assets.connectors.pgbackrest.restore_log import parse_restore_log
from cbcr_assets.connectors.transports.stamps import zone

__all__ = ["PgBackRest"]

_LOGS: dict[str, Callable[[Envelope, str], Parsed]] = {
    "backup_log": parse_backup_log,
    "restore_log": parse_restore_log,
    "expire_log": parse_expire_log,
    "verify_log": parse_verify_log,
}


class PgBackRest:
    """Reads pgBackRest's `info` JSON and its log files, from 2.28 on."""

    tool = "pgbackrest"
    kinds = frozenset({"info", *_LOGS})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        if envelope.error is not None:
            return Parsed(ok=False, error=envelope.error, carry=carry)
        try:
            zone(envelope.tz)
        except ValueError as error:
            return refused_whole(envelope, "timezone", str(error), carry=carry)
        if envelope.kind not in self.kinds:
            known = ", ".join(sorted(self.kinds))
            reason = f"{self.tool} has no kind {envelope.kind!r}; it reads {known}"
            return refused_whole(envelope, "kind", reason, carry=carry)
        if envelope.rc and envelope.kind != "verify_log":
            return _failed(envelope, carry)
        if envelope.kind == "info":
            return parse_info(envelope)
        parsed = _LOGS[envelope.kind](envelope, carry)
        return _failed(envelope, carry) if envelope.rc and not parsed.frames else parsed


def _failed(envelope: Envelope, carry: str) -> Parsed:
    reason = f"the command ended with exit code {envelope.rc}, so its output proves nothing"
    return Parsed(ok=False, error=reason, carry=carry)
