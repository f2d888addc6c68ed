"""Matchers: conditions on labels, with Alertmanager's meaning.

Belongs here: reading one, and whether labels meet it. Does not belong here: routes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from cbcr_assets.config.problems import Refused
from cbcr_assets.config.values import LISTING

_MATCHER = re.compile(
    r"\s*(?P<label>[A-Za-z_]\w*)\s*(?P<operator>=~|!~|!=|=)\s*"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^"{},\s]*))\s*'
)


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a missing label is an empty one.

    Attributes:
        label: Name of the label.
        operator: `=`, `!=`, `=~` or `!~`.
        value: Value, or a regular expression that must match the whole label.
    """

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Return the matcher as it is written."""
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{value}"'

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether these labels meet the condition."""
        actual = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) is (self.operator == "=")
        found = re.fullmatch(self.value, actual, re.DOTALL) is not None
        return found is (self.operator == "=~")

    def is_implied_by(self, others: Iterable["Matcher"]) -> bool:
        """Tell whether labels that meet all `others` surely meet this one, too."""
        if self in (others := tuple(others)) or (self.operator == "=~" and self.value == ".*"):
            return True
        known = [
            other.value for other in others if (other.label, other.operator) == (self.label, "=")
        ]
        return any(self.matches({self.label: value}) for value in known)


def read_matcher(value: Any) -> Matcher:
    """Read `label="value"`.

    Raises:
        Refused: It is no matcher; the message shows the form.
    """
    if isinstance(value, Matcher):
        return value
    found = _MATCHER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Refused(
            f"{value!r} is no matcher; write 'team=\"payments\"' with one of =, !=, =~, !~",
            suggestion=_meant(value),
        )
    quoted = found["quoted"]
    text = found["bare"] if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
    if "~" in found["operator"]:
        try:
            re.compile(text)
        except re.error as error:
            raise Refused(f"{text!r} is no regular expression: {error}") from None
    return Matcher(found["label"], found["operator"], text)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet every condition."""
    return all(matcher.matches(labels) for matcher in matchers)


def _meant(value: Any) -> str | None:
    """Return the matcher that `team == x` or `team: x` stands for."""
    found = re.fullmatch(r'\s*([A-Za-z_]\w*)\s*(?:==|:)\s*"?([^"{},]*?)"?\s*', str(value))
    return f'{found[1]}="{found[2]}"' if found else None


Matchers = Annotated[tuple[Annotated[Matcher, BeforeValidator(read_matcher)], ...], LISTING]
