"""CBCR's own formats: what the job wrapper, the drill runner and CBCR's catalog write.

Belongs here: the connector of tool `cbcr` with its kinds catalog, job_log and drill.
Does not belong here: how the text came (transports) or where it goes (the pull).
"""

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.cbcr.catalog import parse_catalog
from cbcr_assets.connectors.cbcr.drill import parse_drills
from cbcr_assets.connectors.cbcr.job_log import parse_job_log
from cbcr_assets.connectors.reading.dispatch import Reader, dispatch

__all__ = ["Cbcr"]


class Cbcr:
    """Reads CBCR's own catalog, job log and restore-drill records (docs/formats.md)."""

    tool = "cbcr"
    kinds = frozenset({"catalog", "job_log", "drill"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        readers: dict[str, Reader] = {
            "catalog": parse_catalog,
            "drill": parse_drills,
            "job_log": lambda piece: parse_job_log(piece, carry),
        }
        return dispatch(envelope, readers, tool=self.tool, carry=carry)
