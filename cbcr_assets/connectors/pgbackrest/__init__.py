"""pgBackRest: its catalog (`info`) and its logs of backups, restores, expiry and verification.

Belongs here: the connector of tool `pgbackrest` with its five kinds.
Does not belong here: how the text came (transports) or where it goes (the pull).
"""

from collections.abc import Callable
from functools import partial

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.pgbackrest.backup_log import parse_backup_log
from cbcr_assets.connectors.pgbackrest.expire_verify import parse_expire_log, parse_verify_log
from cbcr_assets.connectors.pgbackrest.info import parse_info
from cbcr_assets.connectors.pgbackrest.restore_log import parse_restore_log
from cbcr_assets.connectors.reading.dispatch import Reader, dispatch

__all__ = ["PgBackRest"]

# verify ends with an error when it found one, and says which.
_TOLD_BY_FAILING = frozenset({"verify_log"})
_LOGS: dict[str, Callable[..., Parsed]] = {
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
        readers: dict[str, Reader] = {"info": parse_info}
        for kind, parse_log in _LOGS.items():
            readers[kind] = partial(parse_log, carry=carry)
        return dispatch(envelope, readers, tool=self.tool, carry=carry, despite_rc=_TOLD_BY_FAILING)
