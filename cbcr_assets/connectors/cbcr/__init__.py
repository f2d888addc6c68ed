"""CBCR's own formats: what the job wrapper, the drill runner and CBCR's catalog write.

Belongs here: the connector of tool `cbcr` with its kinds catalog, job_log and drill.
Does not belong here: how the text came (transports) or where it goes (the pull).
"""

from cbcr_assets.connectors.base import Envelope, Parsed
from cbcr_assets.connectors.cbcr.catalog import parse_catalog
from cbcr_assets.connectors.cbcr.drill import parse_drills
from cbcr_assets.connectors.cbcr.job_log import parse_job_log
from cbcr_assets.connectors.cbcr.records import refused_whole
from cbcr_assets.connectors.transports.stamps import zone

__all__ = ["Cbcr"]


class Cbcr:
    """Reads CBCR's own catalog, job log and restore-drill records (docs/formats.md)."""

    tool = "cbcr"
    kinds = frozenset({"catalog", "job_log", "drill"})

    def parse(self, envelope: Envelope, *, carry: str = "") -> Parsed:
        """Read one envelope. Never raises on bad input: what it cannot use becomes a `Reject`."""
        if envelope.error is not None:
            return Parsed(ok=False, error=envelope.error, carry=carry)
        if envelope.rc:
            reason = f"the command ended with exit code {envelope.rc}, so its output proves nothing"
            return Parsed(ok=False, error=reason, carry=carry)
        try:
            zone(envelope.tz)
        except ValueError as error:
            return refused_whole(envelope, "timezone", str(error), carry=carry)
        match envelope.kind:
            case "job_log":
                return parse_job_log(envelope, carry)
            case "catalog":
                return parse_catalog(envelope)
            case "drill":
                return parse_drills(envelope)
        kinds = ", ".join(sorted(self.kinds))
        reason = f"{self.tool} has no kind {envelope.kind!r}; it reads {kinds}"
        return refused_whole(envelope, "kind", reason, carry=carry)
