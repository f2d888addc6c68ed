"""The identity of one run of mariadb-backup, the same by its log and by its history.

Belongs here: nothing else.
"""

from datetime import datetime

from cbcr_assets.connectors.base import Envelope


def server_of(envelope: Envelope) -> str:
    """Return the name of the server where the text itself names none."""
    return envelope.host or envelope.source_id


def attempt_key(server: str, started_at: datetime) -> str:
    """Return the key of a run: neither log nor history has another thing in common than its start.

    Args:
        server: Name of the instance in the source.
        started_at: Naive UTC; the tool counts whole seconds.
    """
    return f"{server}@{started_at.isoformat(timespec='seconds')}"
