"""Section `reports` of cbcr.yaml: where monthly reports go, when they are made, who signs.

Belongs here: that section. Does not belong here: what a report says (see
`cbcr_assets.reports.compliance`).
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from cbcr_assets.config.document import Refused
from cbcr_assets.config.values import LISTING, Cron, WrittenPath


def signer(name: str) -> str:
    """Check the name of who signs.

    Raises:
        Refused: It is empty, or no single line.
    """
    clean = name.strip()
    if not clean or not clean.isprintable():
        raise Refused(f"{name!r} is no name of who signs: write one line of text")
    return clean


Signer = Annotated[str, AfterValidator(signer)]


class Reports(BaseModel):
    """The monthly compliance report.

    Attributes:
        folder: Where its files go; None: `reports` in the folder of all state.
        cron: When the report of the last calendar month is made, UTC.
        signed_off_by: Who signs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    folder: WrittenPath | None = None
    cron: Cron = "0 6 3 * *"
    signed_off_by: Annotated[tuple[Signer, ...], LISTING] = ()
