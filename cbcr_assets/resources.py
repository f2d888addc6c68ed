"""Dagster resources: thin doors to the plain objects of the rooms below.

Belongs here: typed configuration of a resource and the object it builds.
Does not belong here: steps, SQL, or anything a test could need without Dagster.
"""

import os
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from cbcr_assets.steps.platform import Platform, open_running


class PlatformResource(dg.ConfigurableResource[Any]):
    """The configured CBCR of this process.

    Attributes:
        config: Path of cbcr.yaml; empty: `CBCR_CONFIG`, else the one in the current folder.
    """

    config: str = ""

    def open(self) -> Platform:
        """Load the configuration.

        Raises:
            ConfigError: It is wrong and never was right; all problems at once.
        """
        return open_running(os.environ | ({"CBCR_CONFIG": self.config} if self.config else {}))

    def now(self) -> datetime:
        """Return the present, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None)
