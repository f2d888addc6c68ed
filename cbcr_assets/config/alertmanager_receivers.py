"""Receivers of an alertmanager.yml as receivers of alerting.yaml.

Belongs here: each kind's own settings, and what of them has no place in CBCR.
Does not belong here: routes, inhibition, intervals (see `alertmanager`).

No secret is copied, not even into a note: what was a value becomes `env:NAME`, and the note says
which value belongs into it; what was a file becomes `file:PATH`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbcr_assets.config.document import Document, KeyPath

Way = dict[str, Any]
_URL = re.compile(r"https?://[^\s/@?#]+(/[^\s?#]*)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
# Kinds whose end Alertmanager does not tell unless it is asked to.
_SILENT_ENDS = {"slack_configs", "email_configs", "rocketchat_configs", "wechat_configs"}
# What Apprise calls the others, and what the URL is made of.
_APPRISE = {
    "telegram_configs": "tgram://BOT_TOKEN/CHAT",
    "discord_configs": "discord://WEBHOOK_ID/WEBHOOK_TOKEN",
    "pushover_configs": "pover://USER_KEY@TOKEN",
    "webex_configs": "wxteams://ACCESS_TOKEN/ROOM_ID",
    "victorops_configs": "victorops://ROUTING_KEY@API_KEY",
    "sns_configs": "sns://ACCESS_KEY_ID/SECRET_ACCESS_KEY/REGION/TOPIC",
    "rocketchat_configs": "rockets://USER:TOKEN@HOST/CHANNEL",
    "mattermost_configs": "mmosts://HOST/TOKEN",
}


@dataclass
class Receivers:
    """The receivers of one file.

    Attributes:
        document: The file.
        notes: What a person must do, or know; each with file, line and path, never a secret.
        found: What they have become.
        names: What each is called here, one name for each way.
    """

    document: Document
    notes: list[str] = field(default_factory=list)
    found: list[Way] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)

    def note(self, path: KeyPath, text: str) -> None:
        """Say something about a place in the file."""
        self.notes.append(str(self.document.problem(path, text)))

    def convert(self) -> None:
        """Convert all of them."""
        for path, receiver in self.document.find("receivers", ...):
            if not isinstance(receiver, dict) or "name" not in receiver:
                self.note(path, "this receiver has no name, it is left out")
                continue
            self._one(path, receiver)

    def _one(self, path: KeyPath, receiver: Mapping[str, Any]) -> None:
        name = str(receiver["name"])
        called = self._called(name)
        if called != name:
            self.note((*path, "name"), f"it is called {called} here")
        ways = list(self._ways(path, receiver, called))
        if not ways:
            self.note(path, "it has no way that CBCR converts: it writes a file now")
            ways = [{"type": "file", "path": f"{called}.jsonl"}]
        for way in ways:
            mine = self._called(called)
            self.names.setdefault(name, []).append(mine)
            self.found.append({"name": mine, **way})

    def _called(self, name: str) -> str:
        """Return a name that CBCR takes and nobody has."""
        safe = _UNSAFE.sub("-", name).strip("-._")[:100] or "receiver"
        taken = {way["name"] for way in self.found}
        number = 1
        while (called := safe if number == 1 else f"{safe}-{number}") in taken:
            number += 1
        return called

    def _ways(self, path: KeyPath, receiver: Mapping[str, Any], called: str) -> Iterator[Way]:
        for key, configs in receiver.items():
            for index, config in enumerate(configs if isinstance(configs, list) else []):
                where = (*path, key, index)
                suffix = "" if index == 0 else f"_{index + 1}"
                kind = key.removesuffix("_configs")
                variable = f"{re.sub(r'[^A-Za-z0-9]', '_', called)}_{kind}{suffix}".upper()
                this = _Source(self, where, config if isinstance(config, dict) else {}, variable)
                way = _KINDS[key](this) if key in _KINDS else _other(this, key)
                if way is None:
                    continue
                ends = this.config.get("send_resolved", key not in _SILENT_ENDS)
                this.tell_left_out()
                yield way | {"send_resolved": bool(ends)}


@dataclass
class _Source:
    """One entry of one `*_configs`; remembers which of its keys were read."""

    all: Receivers
    path: KeyPath
    config: Mapping[str, Any]
    variable: str
    read: set[str] = field(default_factory=lambda: {"send_resolved"})

    def note(self, text: str, key: str = "") -> None:
        self.all.note((*self.path, key) if key in self.config else self.path, text)

    def get(self, key: str, in_global: str = "") -> Any:
        """Return a setting, or what `global` says of it."""
        self.read.add(key)
        elsewhere = self.all.document.get(("global", in_global)) if in_global else None
        return self.config.get(key, elsewhere)

    def secret(self, key: str, in_global: str = "") -> str | None:
        """Return a reference in place of a secret; None: there is none."""
        file = self.get(f"{key}_file", f"{in_global}_file" if in_global else "")
        own = self.get(key)
        if file is not None and own is None:
            return f"file:{file}"
        value = self.get(key, in_global)
        if value is None:
            return None
        name = f"{self.variable}_{key}".upper()
        place = key if own is not None else f"global.{in_global}"
        self.note(f"put the value of {place} into the environment variable {name}", key)
        return f"env:{name}"

    def base_url(self, key: str, in_global: str, end: str = "") -> dict[str, str]:
        """Return an API's address where one is written that holds no secret."""
        value = self.get(key, in_global)
        if value is None:
            return {}
        if not isinstance(value, str) or not _URL.fullmatch(value):
            self.note(f"{key} is no plain address: write base_url by hand", key)
            return {}
        return {"base_url": value.removesuffix(end)}

    def tell_left_out(self) -> None:
        """Say which keys have no place."""
        if rest := [str(key) for key in self.config if key not in self.read]:
            self.note(f"left out, CBCR has its own words and settings: {', '.join(rest)}")


def _webhook(source: _Source) -> Way | None:
    url = source.secret("url")
    return None if url is None else {"type": "webhook", "url": url}


def _slack(source: _Source) -> Way | None:
    url = source.secret("api_url", "slack_api_url")
    if url is None:
        source.note("there is no api_url: write this one by hand, with `type: slack` and a token")
        return None
    if channel := source.get("channel"):
        source.note(f"an incoming webhook has its own channel: let it be that of {channel}")
    return {"type": "slack_webhook", "url": url}


def _pagerduty(source: _Source) -> Way | None:
    if (key := source.secret("routing_key")) is None:
        source.note(
            "it has a service_key of Events v1, which CBCR does not speak: add an integration"
            " Events API v2 to that service and write `type: pagerduty` with its routing_key"
        )
        return None
    base = source.base_url("url", "pagerduty_url", "v2/enqueue")
    return {"type": "pagerduty", "routing_key": key, **base}


def _opsgenie(source: _Source) -> Way | None:
    if (key := source.secret("api_key", "opsgenie_api_key")) is None:
        source.note("it has no api_key: write this one by hand")
        return None
    way = {"type": "opsgenie", "api_key": key, **source.base_url("api_url", "opsgenie_api_url")}
    teams = []
    for number, one in enumerate(source.get("responders") or []):
        this = one if isinstance(one, dict) else {}
        name = str(this.get("name") or "")
        if str(this.get("type")) in ("team", "teams") and name and "{{" not in name:
            teams += [part.strip() for part in name.split(",") if part.strip()]
        else:
            source.note(f"responders[{number}] is no team with a fixed name, it is left out")
    return way | ({"responders": teams} if teams else {})


def _email(source: _Source) -> Way | None:
    host, _, port = str(source.get("smarthost", "smtp_smarthost") or "").rpartition(":")
    sender, to = source.get("from", "smtp_from"), source.get("to")
    if not host or not sender or not to or "{{" in f"{sender}{to}":
        source.note("smarthost, from or to is missing or a template: write this one by hand")
        return None
    plain = source.get("require_tls", "smtp_require_tls") is False
    way: Way = {"type": "email", "host": host.strip("[]")}
    way |= {"port": int(port)} if port.isdigit() else {}
    way["security"] = "none" if plain else "tls" if port == "465" else "starttls"
    way |= {"from": _address(str(sender)), "to": [_address(one) for one in str(to).split(",")]}
    user = source.get("auth_username", "smtp_auth_username")
    if user and plain:
        source.note("a password does not cross a network in the clear: left out without TLS")
    elif user and (password := source.secret("auth_password", "smtp_auth_password")):
        way |= {"username": str(user), "password": password}
    return way


def _teams(source: _Source) -> Way | None:
    url = source.secret("webhook_url")
    if url is None:
        source.note("it has no webhook_url: write this one by hand")
        return None
    return {"type": "teams", "url": url}


def _old_teams(source: _Source) -> Way | None:
    source.note("connectors of Teams are retired: use the address of a Workflow in their place")
    return _teams(source)


def _other(source: _Source, key: str) -> Way | None:
    source.read |= set(source.config)
    if key not in _APPRISE:
        source.note("CBCR has no such channel: write this one by hand, perhaps with `webhook`")
        return None
    name = f"{source.variable}_URL"
    source.note(f"by Apprise: put {_APPRISE[key]}, made of its settings, into {name}")
    return {"type": "apprise", "url": f"env:{name}"}


def _address(text: str) -> str:
    """Return the address of `Name <address>`."""
    found = re.search(r"<([^<>]+)>", text)
    return (found.group(1) if found else text).strip()


_KINDS: Mapping[str, Callable[[_Source], Way | None]] = {
    "webhook_configs": _webhook,
    "slack_configs": _slack,
    "pagerduty_configs": _pagerduty,
    "opsgenie_configs": _opsgenie,
    "email_configs": _email,
    "msteams_configs": _old_teams,
    "msteamsv2_configs": _teams,
}
