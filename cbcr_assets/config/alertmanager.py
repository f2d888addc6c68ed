"""From an alertmanager.yml to an alerting.yaml with the same meaning.

Belongs here: the translation, and notes about what has no place in CBCR.
Does not belong here: the policy itself (see `alerting`).

A secret that stands in the file is not copied: the policy names an environment variable, and a
note says which value belongs into it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cbcr_assets.config.problems import ConfigError, load_yaml

_TIMERS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
_ROUTE = (
    "receiver", "group_by", *_TIMERS, "continue", "mute_time_intervals", "active_time_intervals",
)  # fmt: skip


@dataclass
class Converted:
    """A converted file.

    Attributes:
        text: The alerting.yaml.
        notes: What was left out or must be done by hand; never a secret.
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
    notes: list[str] = []
    policy: dict[str, Any] = {"route": _TIMERS | {"group_by": []} | _route(data["route"], notes)}
    if policy["route"].get("group_by") == []:
        del policy["route"]["group_by"]
    policy["receivers"] = _receivers(data, notes)
    _split(policy["route"], data, policy["receivers"], notes)
    if rules := [_inhibit(rule) for rule in data.get("inhibit_rules") or []]:
        policy["inhibit_rules"] = rules
    intervals = [*(data.get("time_intervals") or []), *(data.get("mute_time_intervals") or [])]
    if intervals:
        policy["time_intervals"] = intervals
    known = {"route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals"}
    notes += [f"left out: {key}" for key in data if key not in known]
    head = f"# Converted from {file.name}; see the notes that were printed with it.\n"
    body = yaml.safe_dump(policy, sort_keys=False, allow_unicode=True)
    return Converted(head + body, notes)


def _route(route: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    found = {key: route[key] for key in _ROUTE if key in route}
    if matchers := _matchers(route, ""):
        found["matchers"] = matchers
    children = [_route(child, notes) for child in route.get("routes") or []]
    if children:
        found["routes"] = children
    handled = {*_ROUTE, "matchers", "match", "match_re", "routes"}
    notes += [f"left out of a route: {key}" for key in route if key not in handled]
    return found


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


def _receivers(data: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    found = []
    for receiver in data.get("receivers") or []:
        name = str(receiver["name"])
        ways = list(_ways(receiver, notes))
        if not ways:
            notes.append(f"receiver {name} has no way that CBCR converts: it writes a file now")
            ways = [{"type": "file", "path": f"{name}.jsonl"}]
        for number, way in enumerate(ways):
            found.append({"name": name if number == 0 else f"{name}-{number + 1}", **way})
    return found


def _ways(receiver: Mapping[str, Any], notes: list[str]) -> Iterator[dict[str, Any]]:
    name = str(receiver["name"])
    variable = re.sub(r"\W", "_", name).upper()
    for key, configs in receiver.items():
        for config in configs if isinstance(configs, list) else []:
            resolved = {
                "send_resolved": bool(config.get("send_resolved", key == "webhook_configs"))
            }
            if key == "webhook_configs":
                notes.append(f"receiver {name}: put the webhook's URL into {variable}_URL")
                yield {"type": "webhook", "url": f"env:{variable}_URL", **resolved}
            elif key == "slack_configs":
                notes.append(
                    f"receiver {name}: put the incoming webhook's URL"
                    f" ({'its own' if config.get('api_url') else 'the global one'}) into"
                    f" {variable}_SLACK_URL"
                )
                yield {"type": "slack_webhook", "url": f"env:{variable}_SLACK_URL", **resolved}
            else:
                notes.append(f"receiver {name}: {key} is not converted, write that one by hand")


def _split(
    route: dict[str, Any],
    data: Mapping[str, Any],
    receivers: list[dict[str, Any]],
    notes: list[str],
) -> None:
    """Say that a receiver with several ways needs one route for each of them."""
    names = {str(receiver["name"]) for receiver in data.get("receivers") or []}
    extra = [one["name"] for one in receivers if one["name"] not in names]
    if extra and route:
        notes.append(
            "a receiver of CBCR has one way; add a route with `continue: true` for: "
            + ", ".join(extra)
        )
