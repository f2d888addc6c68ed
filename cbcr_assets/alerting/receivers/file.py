"""A file of JSON lines: the receiver that needs nobody else.

Belongs here: appending so that a line is there whole, also after a crash.
Does not belong here: rotating the file.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cbcr_assets.alerting.message import Outgoing, stamp
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Retry
from cbcr_assets.alerting.receivers.body import body
from cbcr_assets.config.receivers import FileReceiver


@dataclass(frozen=True)
class JsonLines:
    """Appends each message as one line."""

    path: Path
    links: Links

    def send(
        self,
        outgoing: Outgoing,
        *,
        now: datetime,
        timeout_s: float,  # noqa: ARG002 - the protocol's
    ) -> Outcome:
        """Append one message and wait until the disk has it."""
        content = {"sent_at": stamp(now), **body(outgoing.message, self.links)}
        line = (json.dumps(content, ensure_ascii=False) + "\n").encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                self._append(handle, line)
            finally:
                os.close(handle)
        except OSError as error:
            return Retry(None, f"{self.path} cannot be written: {error.strerror}")
        return Delivered()

    def _append(self, handle: int, line: bytes) -> None:
        # One write: lines of several processes do not mix.
        written = os.write(handle, line)
        if written != len(line):
            raise OSError(0, "the line was cut short")
        os.fsync(handle)


def build(
    config: FileReceiver,
    *,
    links: Links,
    environ: Mapping[str, str],  # noqa: ARG001 - every channel is built alike
) -> JsonLines:
    """Build the channel."""
    return JsonLines(config.path, links)
