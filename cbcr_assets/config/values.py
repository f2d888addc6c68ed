"""Values that configuration files share: durations, moments, zones, cron, secret references.

Belongs here: reading one value, with a message that shows the right form.
Does not belong here: models of files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_S = 100 * 365 * 86400.0


def duration_s(value: Any) -> float:
    """Read `30s`, `5m`, `4h`, `7d`, `1h30m` as seconds.

    Raises:
        ValueError: It is no duration; the message shows the form.
    """
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError(f"{value!r} is not a duration; write 30s, 15m, 4h, 7d or 1h30m")
    seconds = sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(value))
    if seconds > _LONGEST_S:
        raise ValueError(f"{value!r} is longer than 100 years")
    return seconds


def positive_duration_s(value: Any) -> float:
    """Read a duration that must be longer than nothing.

    Raises:
        ValueError: It is no duration, or zero.
    """
    seconds = duration_s(value)
    if seconds <= 0:
        raise ValueError(f"{value!r} must be longer than zero")
    return seconds


def moment(value: Any) -> datetime:
    """Read an ISO 8601 moment as naive UTC; without an offset it is UTC.

    Raises:
        ValueError: It is none; the message shows the form.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"{value!r} is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z"
            ) from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - naive UTC
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is not a moment; write 2026-11-23T04:00:00Z")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def zone(value: str) -> str:
    """Check an IANA zone name.

    Raises:
        ValueError: There is no such zone.
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write Europe/Berlin or UTC") from None
    return value


def cron(value: str) -> str:
    """Check a cron expression of five fields.

    Raises:
        ValueError: It is none; the message says which field.
    """
    try:
        CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            f"{value!r} is no cron expression ({error}); write '30 2 * * *' for 02:30 daily"
        ) from None
    return value


def safe_name(value: str) -> str:
    """Check an id: it becomes part of paths and labels.

    Raises:
        ValueError: It holds other characters than letters, digits, dot, dash, underscore.
    """
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no id; use letters, digits, dot, dash and underscore, no spaces or slashes"
        )
    return value


@dataclass(frozen=True)
class SecretRef:
    """Where a secret is; never the secret itself.

    Attributes:
        reference: `env:NAME` or `file:PATH`.
    """

    reference: str = field(repr=True)

    def resolve(self, environ: Mapping[str, str]) -> str:
        """Return the secret.

        Raises:
            ValueError: It is not there; the message names the reference, never a value.
        """
        kind, _, where = self.reference.partition(":")
        if kind == "env":
            if where not in environ:
                raise ValueError(f"the environment has no variable {where} ({self.reference})")
            return environ[where]
        try:
            return Path(where).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"{self.reference} cannot be read: {error.strerror}") from None


def secret_reference(value: Any) -> SecretRef:
    """Read a reference to a secret.

    Raises:
        ValueError: It is a literal value; it is not repeated in the message.
    """
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"(env|file):.+", value):
        raise ValueError(
            "secrets are references, never values: write env:NAME or file:PATH"
        )
    return SecretRef(value)


Seconds = Annotated[float, BeforeValidator(duration_s)]
PositiveSeconds = Annotated[float, BeforeValidator(positive_duration_s)]
Moment = Annotated[datetime, BeforeValidator(moment)]
Zone = Annotated[str, AfterValidator(zone)]
Cron = Annotated[str, AfterValidator(cron)]
Name = Annotated[str, AfterValidator(safe_name)]
Secret = Annotated[SecretRef, BeforeValidator(secret_reference)]
