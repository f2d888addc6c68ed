"""A payload that is one JSON document.

Belongs here: reading it whole, or refusing it whole. Does not belong here: what it means.
"""

from typing import Any

from cbcr_assets.connectors.base import Envelope
from cbcr_assets.connectors.reading.refusal import Refused
from cbcr_assets.connectors.transports.json_text import strict_json


def json_document(envelope: Envelope) -> Any:
    """Return the JSON document that an envelope carries.

    Raises:
        Refused: It is no whole document.
    """
    try:
        return strict_json(envelope.payload)
    except ValueError as error:
        reason = f"no whole JSON document ({error}); write it to a file and rename it when complete"
        raise Refused("json", reason, line=getattr(error, "lineno", 1)) from None
