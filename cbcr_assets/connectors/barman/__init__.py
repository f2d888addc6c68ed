"""Barman: its catalog, and its log, which alone tells of what never came into the catalog.

Belongs here: which module reads which kind. Does not belong here: the reading.
"""

from functools import partial

from cbcr_assets.connectors.barman.catalog import parse_backup_info, parse_list, parse_shown
from cbcr_assets.connectors.barman.log import parse_log
from cbcr_assets.connectors.barman.status import parse_status
from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.reading.dispatch import Reader, dispatch

__all__ = ["Barman"]


class Barman:
    """Reads Barman's JSON, its backup.info files and barman.log (docs/tools/barman.md)."""

    tool = "barman"
    kinds = frozenset({"backups", "backup", "backup_info", "status", "log"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        readers: dict[str, Reader] = {
            "backups": parse_list,
            "backup": parse_shown,
            "backup_info": parse_backup_info,
            "status": parse_status,
            "log": partial(parse_log, carry=carry),
        }
        return dispatch(envelope, readers, tool=self.tool, carry=carry)
