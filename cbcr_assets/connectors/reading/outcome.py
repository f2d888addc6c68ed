"""What the last command of a job said about itself, for the record of the job.

Belongs here: the shape that `cbcr run-job` and the connectors share.
Does not belong here: how a tool says it (its connector).
"""

from dataclasses import dataclass

from cbcr_assets.records import BackupState


@dataclass(frozen=True)
class Outcome:
    """What a tool's own output tells about its run.

    Attributes:
        state: How it ended, by the tool's own exit codes.
        label: The backup set it made, None if it names none.
        source_bytes: Bytes read.
        transferred_bytes: Bytes added to the repository, as the tool counts them.
        duration_s: Seconds, as the tool measured them.
    """

    state: BackupState
    label: str | None = None
    source_bytes: int | None = None
    transferred_bytes: int | None = None
    duration_s: float | None = None
