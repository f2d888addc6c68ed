"""File and console: channels that need no network, the defaults of a fresh installation.

Belongs here: appending and printing. Does not belong here: rotation (the system's logrotate).
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry
from cbcr_assets.alerting.render import plain


@dataclass(frozen=True)
class FileSender:
    """Appends one JSON object a line and syncs it to the disk."""

    path: Path

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Append the message."""
        line = json.dumps({"key": key, **content}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as handle:
                handle.write(line)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            return Retry(None, f"{self.path}: {error.strerror}")
        return Delivered()


@dataclass(frozen=True)
class ConsoleSender:
    """Prints on standard error."""

    def send(self, content: Mapping[str, Any], *, key: str) -> Delivered | Retry | Rejected:
        """Print the message."""
        sys.stderr.write(f"{plain(content)}\n({key[:8]})\n")
        return Delivered()
