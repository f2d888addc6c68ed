"""Values that configuration files share: durations, moments, zones, cron, ids, secret references.

Belongs here: reading one value, with a message that shows the right form.
Does not belong here: models of files.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from cbcr_assets.config.document import Refused, closest, shown

_UNITS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS))
_WORDY = re.compile(rf"({_NUMBER})\s*([a-z]+)[\s,]*(?:and\s+)?")
_WORDS = {
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), "w"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
}
_LONGEST_S = 100 * 365 * 86400.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_YEARS = range(1980, 2201)
_FIELDS = 5
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# Names that depend on the machine, or count leap seconds.
_LOCAL_ZONES = re.compile(r"(?:posix|right)/.*|localtime|posixrules|Factory")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def duration_s(value: Any) -> float:
    """Read `30s`, `5m`, `4h`, `7d`, `2w`, `1h30m` as seconds.

    Raises:
        Refused: It is no duration; the message shows the form.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        raise Refused(
            f"{shown(value)} is not a duration; write 30s, 15m, 4h, 7d or 1h30m",
            suggestion=_meant_duration(value),
        )
    pairs = zip(found.groups(), _UNITS.values(), strict=True)
    seconds = sum(float(count) * unit for count, unit in pairs if count)
    if seconds > _LONGEST_S:
        raise Refused(f"{value!r} is longer than 100 years")
    return seconds


def _meant_duration(value: Any) -> str | None:
    """Return the duration that a plain form stands for: `30`, `5 minutes`, `1 Hour 30 min`."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value).strip().lower()
    if re.fullmatch(_NUMBER, text):
        return f"{text}s"
    parts = _WORDY.findall(text)
    if _WORDY.sub("", text) or any(word not in _WORDS for _, word in parts):
        return None
    meant = "".join(count + _WORDS[word] for count, word in parts)
    return meant if meant and _DURATION.fullmatch(meant) else None


def positive_duration_s(value: Any) -> float:
    """Read a duration that must be longer than nothing.

    Raises:
        Refused: It is no duration, or zero.
    """
    seconds = duration_s(value)
    if seconds <= 0:
        raise Refused(f"{value!r} must be longer than zero")
    return seconds


def moment(value: Any) -> datetime:
    """Read an ISO 8601 moment as naive UTC; without an offset it is UTC already.

    Raises:
        Refused: It is none; the message shows the form.
    """
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise Refused(f"{shown(value)} is not a moment; write 2026-11-23 or 2026-11-23T04:00:00Z")
    if value.year not in _YEARS:
        raise Refused(f"{value.year} is not a year between {_YEARS[0]} and {_YEARS[-1]}")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


@cache
def zone(value: str) -> str:
    """Check an IANA zone name.

    Raises:
        Refused: There is no such zone.
    """
    try:
        if not _LOCAL_ZONES.fullmatch(value):
            return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = sorted(available_timezones())
    city = value.casefold().replace(" ", "_")
    meant = [name for name in known if city in (name.casefold(), name.split("/")[-1].casefold())]
    raise Refused(
        f"{value!r} is not a time zone; write an IANA name such as Europe/Berlin or UTC",
        suggestion=meant[0] if meant else closest(value, known),
    )


@cache
def cron(value: str) -> str:
    """Check a cron expression of five fields.

    Raises:
        Refused: It is none, or its day never comes; the message says which field is wrong.
    """
    form = "write '30 2 * * *' for 02:30 every day"
    if (count := len(value.split())) != _FIELDS:
        meant = _NICKNAMES.get(value.strip().lower())
        message = f"{value!r} is not a cron expression: five fields, not {count}; {form}"
        raise Refused(message, suggestion=meant)
    try:
        next(CronSim(value, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        reason = str(error).replace("Bad ", "wrong ")
        raise Refused(f"{value!r} is not a cron expression: {reason}; {form}") from None
    except StopIteration:
        raise Refused(f"{value!r} never comes: no month has that day") from None
    return value


def safe_name(value: str) -> str:
    """Check an id: it becomes part of paths and labels.

    Raises:
        Refused: It holds other characters than letters, digits, dot, dash, underscore.
    """
    if not _NAME.fullmatch(value):
        cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", value).strip("-._")[:128]
        raise Refused(
            f"{shown(value)} is not an id: letters, digits, dot, dash and underscore only,"
            " a letter or digit first, at most 128",
            suggestion=cleaned or None,
        )
    return value


def written_path(value: Any) -> str:
    """Check a path; it is resolved against the folder of the file that names it.

    Raises:
        Refused: It is empty, or begins with `~`, which only a shell understands.
    """
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"expected a path, not {shown(value)}")
    if value.startswith("~"):
        raise Refused(f"{value!r} begins with ~, which depends on who asks; write the whole path")
    if "\0" in value:
        raise Refused("a path cannot hold a zero byte")
    return value


def web_address(value: str) -> str:
    """Check an http or https address; a slash at its end is left out.

    Raises:
        Refused: It is none.
    """
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise Refused(f"{shown(value)} is not a web address; write http://127.0.0.1:3000")
    return value.rstrip("/")


@dataclass(frozen=True)
class SecretRef:
    """Where a secret is; never the secret itself, so it may be printed.

    Attributes:
        reference: `env:NAME` or `file:PATH`.
    """

    reference: str

    def resolve(self, environ: Mapping[str, str]) -> str:
        """Return the secret.

        Raises:
            ValueError: It is not there; the message names the reference, never a value.
        """
        kind, _, where = self.reference.partition(":")
        if kind == "env":
            if not environ.get(where):
                state = "empty" if where in environ else "not set"
                raise ValueError(f"the environment variable {where} is {state}")
            return environ[where]
        try:
            secret = Path(where).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ValueError(f"the secret file {where} cannot be read: {reason}") from None
        if not secret:
            raise ValueError(f"the secret file {where} is empty")
        return secret


def secret_reference(value: Any, info: ValidationInfo | None = None) -> SecretRef:
    """Read a reference to a secret; `file:` is relative to the file that names it.

    Raises:
        Refused: It is a literal value; it is not repeated in the message.
    """
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise Refused("secrets are references, never values: write env:NAME or file:PATH")
    kind, _, where = value.partition(":")
    root = info.context.get("root") if info is not None and info.context else None
    if kind == "file" and root is not None:
        return SecretRef(f"file:{root / where}")
    return SecretRef(value)


def _read_secret(value: Any, info: ValidationInfo) -> SecretRef:
    return secret_reference(value, info)


def _nothing_is_empty(value: Any) -> Any:
    return {} if value is None else value


def _nothing_is_none(value: Any) -> Any:
    return [] if value is None else value


# A heading with everything below it commented out is the same as no heading.
SECTION = BeforeValidator(_nothing_is_empty)
LISTING = BeforeValidator(_nothing_is_none)

Seconds = Annotated[float, BeforeValidator(duration_s)]
PositiveSeconds = Annotated[float, BeforeValidator(positive_duration_s)]
Moment = Annotated[datetime, BeforeValidator(moment)]
Zone = Annotated[str, AfterValidator(zone)]
Cron = Annotated[str, AfterValidator(cron)]
Name = Annotated[str, AfterValidator(safe_name)]
WrittenPath = Annotated[str, BeforeValidator(written_path)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Secret = Annotated[SecretRef, BeforeValidator(_read_secret)]
