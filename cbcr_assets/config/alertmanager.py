"""From an alertmanager.yml to an alerting.yaml with the same meaning.

Belongs here: routes, inhibition, intervals, and notes about what has no place in CBCR.
Does not belong here: receivers (see `alertmanager_receivers`), the policy itself (see `alerting`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cbcr_assets.config.alertmanager_receivers import Receivers
from cbcr_assets.config.document import KeyPath
from cbcr_assets.config.problems import ConfigError, load_yaml

_TIMERS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
_ROUTE = (
    "receiver", "group_by", *_TIMERS, "continue", "mute_time_intervals", "active_time_intervals",
)  # fmt: skip
_HANDLED = {*_ROUTE, "matchers", "match", "match_re", "routes"}
_KNOWN = {
    "global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals",
}  # fmt: skip


@dataclass
class Converted:
    """A converted file.

    Attributes:
        text: The alerting.yaml.
        notes: What was left out or must be done by hand, with file, line and path; never a secret.
    """

    text: str
    notes: list[str] = field(default_factory=list)


def convert(file: Path) -> Converted:
    """Convert an alertmanager.yml.

    Raises:
        ConfigError: It cannot be read, or has no route.
    """
    document = load_yaml(file)
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("route"), dict):
        raise ConfigError([document.problem((), "this is no alertmanager.yml: it has no route")])
    receivers = Receivers(document)
    receivers.convert()
    tree = _Tree(receivers)
    route = _TIMERS | {"group_by": []} | tree.convert(("route",), data["route"])
    if route.get("group_by") == []:
        del route["group_by"]
    tree.tell_each_way(("route",), route, "")
    policy: dict[str, Any] = {"route": route, "receivers": receivers.found}
    if rules := [_inhibit(rule) for rule in data.get("inhibit_rules") or []]:
        policy["inhibit_rules"] = rules
    intervals = [*(data.get("time_intervals") or []), *(data.get("mute_time_intervals") or [])]
    if intervals:
        policy["time_intervals"] = intervals
    for key in data:
        if key not in _KNOWN:
            receivers.note((key,), "left out")
    head = f"# Converted from {file.name}; see the notes that were printed with it.\n"
    body = yaml.safe_dump(policy, sort_keys=False, allow_unicode=True)
    return Converted(head + body, receivers.notes)


@dataclass
class _Tree:
    """Routes, with the names that receivers have here."""

    receivers: Receivers
    places: dict[int, KeyPath] = field(default_factory=dict)

    def convert(self, path: KeyPath, route: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a route and those below it."""
        found = {key: route[key] for key in _ROUTE if key in route}
        self.places[id(found)] = path
        if "receiver" in found:
            called = self.receivers.names.get(str(found["receiver"]))
            found["receiver"] = called[0] if called else found["receiver"]
        if matchers := _matchers(route, ""):
            found["matchers"] = matchers
        children = enumerate(route.get("routes") or [])
        if routes := [self.convert((*path, "routes", at), child) for at, child in children]:
            found["routes"] = routes
        for key in route:
            if key not in _HANDLED:
                self.receivers.note((*path, key), "left out")
        return found

    def tell_each_way(self, path: KeyPath, route: dict[str, Any], inherited: str) -> None:
        """Tell every way of a receiver: one of CBCR has one, so a route needs one for each.

        Exact as long as no child goes on: what a child has taken does not come to the last ones.
        """
        receiver = route.get("receiver", inherited)
        children = route.get("routes", [])
        for child in children:
            self.tell_each_way(self.places[id(child)], child, receiver)
        ways = next((n for n in self.receivers.names.values() if n[0] == receiver), [])
        if len(ways) < 2:
            return
        if any(child.get("continue") for child in children):
            self.receivers.note(
                path,
                f"a receiver of CBCR has one way; add routes by hand for {', '.join(ways[1:])}",
            )
            return
        more = [{"receiver": name, "continue": True} for name in ways[1:]]
        route["routes"] = [*children, *more, {"receiver": receiver}]


def _matchers(given: Mapping[str, Any], prefix: str) -> list[str]:
    """Return matchers out of the old words (match, match_re) and the new one."""
    found = [f'{k}="{_quoted(v)}"' for k, v in (given.get(f"{prefix}match") or {}).items()]
    found += [f'{k}=~"{_quoted(v)}"' for k, v in (given.get(f"{prefix}match_re") or {}).items()]
    for text in given.get(f"{prefix}matchers") or []:
        found += [part.strip() for part in _parts(str(text).strip().strip("{}"))]
    return found


def _parts(text: str) -> Iterator[str]:
    """Split `a="x,y", b=~"z"` at the commas outside of quotes."""
    yield from re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text)


def _quoted(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"')


def _inhibit(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source_matchers": _matchers(rule, "source_"),
        "target_matchers": _matchers(rule, "target_"),
    }
    return found | ({"equal": rule["equal"]} if rule.get("equal") else {})
