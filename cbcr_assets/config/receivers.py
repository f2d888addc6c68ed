"""Receivers in alerting.yaml: their kinds, their settings, their defaults.

Belongs here: what may be written about one receiver, and its checks.
Does not belong here: routes (see `alerting`), sending (see `cbcr_assets.alerting.receivers`).

A secret is a reference. An address that holds a token (a webhook's) is a secret as well.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from cbcr_assets.config.document import Refused, shown
from cbcr_assets.config.routing import Limited
from cbcr_assets.config.values import Name, PositiveSeconds, Secret, SecretRef, secret_reference

_URL = re.compile(r"https?://[^\s/@]+(/\S*)?")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _secret_or_url(value: Any, info: ValidationInfo) -> SecretRef | str:
    if isinstance(value, SecretRef):
        return value
    text = value if isinstance(value, str) else ""
    if text.startswith(("env:", "file:")):
        return secret_reference(text, info)
    if not _URL.fullmatch(text):
        # It may hold a password, so it is not repeated.
        raise Refused("this is no plain URL; write https://host/path, env:NAME or file:PATH")
    return text


def _base_url(value: Any) -> str:
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise Refused("this is no plain URL; write https://host/api/")
    return value if value.endswith("/") else value + "/"


def _mail_address(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise Refused(f"{shown(value)} is not a mail address; write dba-oncall@example.org")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise Refused(f"{shown(value)} is not a host; write mail.example.org, without a port")
    return value


UrlOrSecret = Annotated[SecretRef | str, BeforeValidator(_secret_or_url)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Host = Annotated[str, AfterValidator(_host)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Priority = Literal["P1", "P2", "P3", "P4", "P5"]


class _Receiver(Limited):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    name: Name
    send_resolved: bool = True


class SlackReceiver(_Receiver):
    """Slack's Web API: threads, and the first message always shows how things stand.

    Attributes:
        token: Token of a bot that may `chat:write`.
        channel: Where to: name or id.
        base_url: Where Slack is.
        signing_secret: The app's; with it, messages have a button to acknowledge.
    """

    type: Literal["slack"]
    token: Secret
    channel: Annotated[str, Field(min_length=1)]
    base_url: BaseUrl = "https://slack.com/api/"
    signing_secret: Secret | None = None


class SlackWebhookReceiver(_Receiver):
    """A Slack incoming webhook; its URL is a secret."""

    type: Literal["slack_webhook"]
    url: Secret


class PagerDutyReceiver(_Receiver):
    """PagerDuty's Events API v2: one incident there for one here.

    Attributes:
        routing_key: Integration key of the service.
        base_url: Where PagerDuty is; `https://events.eu.pagerduty.com/` for the European one.
    """

    type: Literal["pagerduty"]
    routing_key: Secret
    base_url: BaseUrl = "https://events.pagerduty.com/"


class Priorities(BaseModel):
    """Opsgenie's priority for each severity."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    critical: Priority = "P1"
    warning: Priority = "P3"
    info: Priority = "P5"


class OpsgenieReceiver(_Receiver):
    """Opsgenie's Alert API: one alert there for one here.

    Attributes:
        api_key: Key of an API integration.
        base_url: Where Opsgenie is; `https://api.eu.opsgenie.com/` for the European one.
        responders: Teams that are called; without any, the integration's own.
        priorities: Priority for each severity.
    """

    type: Literal["opsgenie"]
    api_key: Secret
    base_url: BaseUrl = "https://api.opsgenie.com/"
    responders: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    priorities: Priorities = Priorities()


class TeamsReceiver(_Receiver):
    """A Microsoft Teams channel by a Workflow's webhook; its URL is a secret."""

    type: Literal["teams"]
    url: Secret


class EmailReceiver(_Receiver):
    """Mail by a mail server.

    Attributes:
        host: The mail server.
        port: Its port; without one 587, with `tls` 465, with `none` 25.
        security: `starttls`, `tls`, or `none` (for a server on this machine).
        username: Who we are there, when it wants to know.
        password: The password of that user.
        sender: `from`: who writes.
        to: Who reads.
    """

    type: Literal["email"]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password: Secret | None = None
    sender: MailAddress = Field(alias="from")
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _fits_together(self) -> "EmailReceiver":
        if (self.username is None) != (self.password is None):
            raise Refused("username and password go together; write both or neither")
        if self.password and self.security == "none" and self.host not in _LOOPBACK:
            raise Refused("the password would cross the network in the clear; use starttls or tls")
        return self


class WebhookReceiver(_Receiver):
    """Any HTTP endpoint that takes JSON.

    Attributes:
        url: Where to; a secret if it holds one.
        bearer: Token for the header `Authorization`.
        signing_secret: With it, each message is signed (HMAC-SHA256).
    """

    type: Literal["webhook"]
    url: UrlOrSecret
    bearer: Secret | None = None
    signing_secret: Secret | None = None


class AlertmanagerReceiver(_Receiver):
    """An Alertmanager that does the rest (API v2).

    Attributes:
        url: Where it is.
        bearer: Token for the header `Authorization`, for a proxy in front of it.
        hold: How long it keeps an alert that we stop talking about. Long, for what is merely not
            said again is not over.
    """

    type: Literal["alertmanager"]
    url: UrlOrSecret
    bearer: Secret | None = None
    hold: PositiveSeconds = Field(default="7d", validate_default=True)


class AppriseReceiver(_Receiver):
    """Whatever else Apprise speaks; its URL is a secret."""

    type: Literal["apprise"]
    url: Secret


class FileReceiver(_Receiver):
    """A file of JSON lines."""

    type: Literal["file"]
    path: Path


class ConsoleReceiver(_Receiver):
    """Standard error of the process that delivers."""

    type: Literal["console"]


Receiver = (
    SlackReceiver
    | SlackWebhookReceiver
    | PagerDutyReceiver
    | OpsgenieReceiver
    | TeamsReceiver
    | EmailReceiver
    | WebhookReceiver
    | AlertmanagerReceiver
    | AppriseReceiver
    | FileReceiver
    | ConsoleReceiver
)
