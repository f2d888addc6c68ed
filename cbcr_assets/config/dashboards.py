"""Who reaches the dashboards, and as what: the section `dashboards` of cbcr.yaml.

Belongs here: its model, roles, and what would let strangers in.
Does not belong here: serving or logging in (see `streamlit_app`).

Secrets are references. Without a login only this machine is served: whoever may reach a loopback
port is trusted as the one who started CBCR.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from cbcr_assets.config.document import Document, Problem, Refused
from cbcr_assets.config.values import SECTION, PositiveSeconds, Secret, SecretRef, WebAddress

CALLBACK = "/oauth2callback"
_STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
_HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HOW = (
    "configure dashboards.login (or dashboards.behind_proxy, when a proxy logs people in), or keep"
    " 127.0.0.1 (docs/access.md)"
)


class Role(IntEnum):
    """What a person may do; each role may do what the ones before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Return its name as it is written in cbcr.yaml."""
        return self.name.lower()


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(value: str) -> str:
    host = value.strip().lower().rstrip(".").strip("[]")
    if not _HOST.fullmatch(host):
        raise Refused(f"{value!r} is not a host; write cbcr.example.org, without scheme or port")
    return host


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise Refused(f"{value!r} is not the name of a header; write X-Forwarded-User")
    return value


def _trusted_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Refused(f"{value} must be https: who listens on the way could take over any login")
    return value


def _callback(value: str) -> str:
    if urlsplit(_trusted_address(value)).path != CALLBACK:
        raise Refused(
            f"{value} must be the address of the dashboards with the path {CALLBACK}",
            suggestion=f"{urlsplit(value).scheme}://{urlsplit(value).netloc}{CALLBACK}",
        )
    return value


Host = Annotated[str, AfterValidator(_host)]
Header = Annotated[str, AfterValidator(_header)]


class RoleMap(BaseModel):
    """Which groups have which role.

    Attributes:
        roles: Groups by role; somebody in several has the highest.
        default_role: Role of somebody in none of them; `none` lets nobody in by default.
    """

    model_config = _STRICT
    roles: dict[Literal["viewer", "operator", "admin"], tuple[str, ...]] = {}
    default_role: Literal["viewer", "none"] = "none"

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> "RoleMap":
        if self.default_role == "none" and not any(self.roles.values()):
            raise Refused("nobody could enter: name groups in `roles`, or set default_role: viewer")
        return self

    def role_of(self, groups: Iterable[str]) -> Role | None:
        """Return the highest role that groups give; None: no access."""
        held = frozenset(groups)
        for role in sorted(Role, reverse=True):
            named: Any = self.roles
            if held.intersection(named.get(role.word, ())):
                return role
        return Role.VIEWER if self.default_role == "viewer" else None


class Login(RoleMap):
    """Log in at an OpenID Connect provider.

    Attributes:
        metadata_url: The provider's `/.well-known/openid-configuration`.
        client_id: Id under which it knows CBCR.
        client_secret: Where the secret of that client is.
        cookie_secret: Where the secret is that signs cookies; 32 characters or more.
        redirect_uri: Address of the dashboards as browsers reach them, with `/oauth2callback`.
        claim: Claim of the ID token that holds the groups; dots lead into nested claims.
        scope: What is asked of the provider.
        lasts_s: A login counts for this long, seconds; then groups are asked anew.
    """

    metadata_url: Annotated[WebAddress, AfterValidator(_trusted_address)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    cookie_secret: Secret
    redirect_uri: Annotated[WebAddress, AfterValidator(_callback)]
    claim: Annotated[str, Field(min_length=1)] = "groups"
    scope: str = "openid profile email"
    lasts_s: PositiveSeconds = Field(default="12h", validate_default=True, alias="lasts")

    @property
    def is_https(self) -> bool:
        """Browsers reach the dashboards over TLS."""
        return self.redirect_uri.startswith("https://")


class BehindProxy(RoleMap):
    """A proxy in front logs people in and says in headers who they are.

    Attributes:
        secret: Where the secret is that the proxy sends with every request in the header
            `X-CBCR-Proxy`; a request without it is refused, so nobody passes the proxy by.
        user_header: Header with the name; the proxy must overwrite what a browser sends.
        groups_header: Header with the groups, separated by commas; likewise.
    """

    secret: Secret
    user_header: Header = "X-Forwarded-User"
    groups_header: Header = "X-Forwarded-Groups"


class Dashboards(BaseModel):
    """Where the dashboards listen, and to whom.

    Attributes:
        address: Address to listen on.
        port: Port to listen on.
        allowed_hosts: Names under which browsers reach them, beside this machine's and that of
            the login's `redirect_uri`.
        login: Log in at an OpenID Connect provider.
        behind_proxy: A proxy has logged people in.
    """

    model_config = _STRICT
    address: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8501
    allowed_hosts: tuple[Host, ...] = ()
    login: Login | None = None
    behind_proxy: BehindProxy | None = None

    @property
    def has_login(self) -> bool:
        """Somebody checks who people are."""
        return self.login is not None or self.behind_proxy is not None

    def secrets(self) -> tuple[tuple[str, SecretRef], ...]:
        """Return what must be known to start, with its key."""
        found = []
        if self.login is not None:
            found += [
                ("login.client_secret", self.login.client_secret),
                ("login.cookie_secret", self.login.cookie_secret),
            ]
        if self.behind_proxy is not None:
            found.append(("behind_proxy.secret", self.behind_proxy.secret))
        return tuple(found)

    def hosts(self, address: str) -> frozenset[str]:
        """Return the names under which browsers may reach them.

        Args:
            address: Where they really listen.
        """
        own = {"localhost", "127.0.0.1", "::1"} if is_loopback(address) else set()
        if self.login is not None:
            own.add(_host(urlsplit(self.login.redirect_uri).hostname or ""))
        return frozenset({*own, *self.allowed_hosts})

    def refusal(self, address: str) -> str | None:
        """Return why they must not listen on an address, with what to do; None: they may."""
        if is_loopback(address):
            return None
        if not self.has_login:
            return f"everybody who reaches {address} could look and act: {_HOW}"
        if not self.hosts(address):
            return "dashboards.allowed_hosts must say under which names browsers reach them"
        return None


SectionOfDashboards = Annotated[Dashboards, SECTION]


def dashboards_problems(document: Document) -> Iterator[Problem]:
    """Find what would let strangers in, and two ways to say who people are."""
    section = document.get(("dashboards",))
    if not isinstance(section, Mapping):
        return
    address = section.get("address", "127.0.0.1")
    checked = [key for key in ("login", "behind_proxy") if section.get(key) is not None]
    if len(checked) > 1:
        yield document.problem(
            ("dashboards", "behind_proxy"), "either login or behind_proxy says who people are"
        )
    if isinstance(address, str) and not is_loopback(address):
        place = ("dashboards", "address")
        if not checked:
            yield document.problem(place, f"everybody who reaches {address} could look: {_HOW}")
        elif checked == ["behind_proxy"] and not section.get("allowed_hosts"):
            message = "allowed_hosts must say under which names browsers reach the dashboards"
            yield document.problem(("dashboards", "behind_proxy"), message)
