"""mariadb-backup: its history table, the info file inside a backup, its log, and binary logs.

Belongs here: which module reads which kind. Does not belong here: the reading.
"""

from functools import partial

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.mariadb.binlogs import parse_binlogs
from cbcr_assets.connectors.mariadb.history import parse_history
from cbcr_assets.connectors.mariadb.log import parse_log
from cbcr_assets.connectors.reading.dispatch import Reader, dispatch

__all__ = ["MariaDb"]


class MariaDb:
    """Reads what mariadb-backup records and logs (docs/tools/mariadb.md)."""

    tool = "mariadb"
    kinds = frozenset({"history", "info", "log", "binlogs"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        readers: dict[str, Reader] = {
            "history": parse_history,
            "info": parse_history,
            "log": partial(parse_log, carry=carry),
            "binlogs": parse_binlogs,
        }
        return dispatch(envelope, readers, tool=self.tool, carry=carry)
