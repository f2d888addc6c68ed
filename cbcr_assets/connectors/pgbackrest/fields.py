"""Checked access to the fields of pgBackRest's JSON.

Belongs here: one field of the right type, or the reason why not. Absent and null are the same:
fields come and go with the versions.
Does not belong here: which fields there are (`info`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbcr_assets.connectors.reading.refusal import Refused, brief
from cbcr_assets.connectors.transports.stamps import to_utc
from cbcr_assets.connectors.transports.text import clean

_INT64 = 2**63
_LONGEST_NAME = 1_000


@dataclass(frozen=True)
class Fields:
    """One JSON object. Every method raises `Refused` if the value has another type."""

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, item: object, what: str) -> "Fields":
        """Wrap a JSON object."""
        if not isinstance(item, dict):
            raise Refused("type", f"{what} is a JSON object, not {brief(item)}")
        return cls(item)

    def inner(self, key: str) -> "Fields":
        """Return an object in it; absent it is empty."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise Refused("type", f"{self.path}{key} must be an object, not {brief(value)}")
        return Fields(value or {}, f"{self.path}{key}.")

    def items(self, key: str) -> list[object]:
        """Return a list in it; absent it is empty."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, list):
            raise Refused("type", f"{self.path}{key} must be a list, not {brief(value)}")
        return value or []

    def text(self, key: str) -> str | None:
        """Return text."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME:
            raise Refused(
                "type",
                f"{self.path}{key} must be text of 1 to {_LONGEST_NAME} characters,"
                f" not {brief(value)}",
            )
        return clean(value).replace("\0", r"\x00")

    def name(self, key: str) -> str:
        """Return text that must be there."""
        value = self.text(key)
        if value is None:
            raise Refused("missing", f"{self.path}{key} is missing")
        return value

    def whole(self, key: str, *, default: int | None = None) -> int | None:
        """Return a whole number, not negative."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT64:
            return value
        raise Refused("type", f"{self.path}{key} must be a whole number, not {brief(value)}")

    def flag(self, key: str) -> bool | None:
        """Return true, false, or None if it is not said."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise Refused("type", f"{self.path}{key} must be true or false, not {brief(value)}")
        return value

    def epoch(self, key: str) -> datetime:
        """Return a moment that must be there, from epoch seconds."""
        value = self.values.get(key)
        if value is None:
            raise Refused("missing", f"{self.path}{key} is missing")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Refused("timestamp", f"{self.path}{key} must be seconds, not {brief(value)}")
        try:
            return to_utc(value, tz="UTC")
        except ValueError as error:
            raise Refused("timestamp", f"{self.path}{key}: {error}") from None
