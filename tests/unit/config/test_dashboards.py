"""Who reaches the dashboards, and as what: what cbcr.yaml may say."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbcr_assets.config import ConfigError, load_config
from cbcr_assets.config.dashboards import Dashboards, Role, RoleMap, is_loopback

SOURCES = "sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n"
LOGIN = """login:
    metadata_url: https://login.example.org/.well-known/openid-configuration
    client_id: cbcr
    client_secret: env:CLIENT
    cookie_secret: env:COOKIE
    redirect_uri: https://cbcr.example.org/oauth2callback
    roles: {operator: [dba-oncall]}
"""


def read(tmp_path: Path, section: str) -> Dashboards:
    (tmp_path / "cbcr.yaml").write_text(f"{SOURCES}dashboards:\n  {section}", encoding="utf-8")
    return load_config(tmp_path / "cbcr.yaml", environ={}).dashboards


def problems(tmp_path: Path, section: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, section)
    return str(caught.value)


def test_nothing_said_is_this_machine_without_a_login(tmp_path: Path) -> None:
    dashboards = read(tmp_path, "")
    assert (dashboards.address, dashboards.port, dashboards.has_login) == ("127.0.0.1", 8501, False)
    assert dashboards.refusal("127.0.0.1") is None
    assert dashboards.hosts("127.0.0.1") == {"localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "cbcr.example.org"])
def test_another_address_without_a_login_is_refused_with_what_to_do(
    tmp_path: Path, address: str
) -> None:
    told = problems(tmp_path, f"address: '{address}'")
    assert told.startswith("cbcr.yaml:3: dashboards.address: everybody who reaches")
    assert "dashboards.login" in told
    assert Dashboards().refusal(address) is not None


def test_a_login_opens_other_addresses_under_its_own_name(tmp_path: Path) -> None:
    dashboards = read(tmp_path, f"address: 0.0.0.0\n  {LOGIN}")
    assert dashboards.refusal("0.0.0.0") is None
    assert dashboards.hosts("0.0.0.0") == {"cbcr.example.org"}
    assert dashboards.login is not None
    assert dashboards.login.is_https
    assert dashboards.login.lasts_s == 12 * 3600


def test_a_proxy_needs_the_names_it_is_reached_under(tmp_path: Path) -> None:
    proxy = "behind_proxy: {secret: env:P, roles: {viewer: [staff]}}"
    assert "allowed_hosts must say" in problems(tmp_path, f"address: 0.0.0.0\n  {proxy}")
    hosts = "allowed_hosts: [CBCR.example.org]"
    dashboards = read(tmp_path, f"address: 0.0.0.0\n  {hosts}\n  {proxy}")
    assert dashboards.hosts("0.0.0.0") == {"cbcr.example.org"}
    assert "either login or behind_proxy" in problems(tmp_path, f"{LOGIN}  {proxy}")


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("env:CLIENT", "hunter2", "secrets are references, never values"),
        ("https://login.", "http://login.", "metadata_url: http://login.example.org"),
        ("https://cbcr.", "http://cbcr.", "must be https"),
        ("/oauth2callback", "/", "did you mean 'https://cbcr.example.org/oauth2callback'?"),
        ("roles: {operator: [dba-oncall]}", "roles: {}", "nobody could enter"),
        ("operator:", "operators:", "operators"),
        ("claim: groups", "klaim: groups", "unknown key"),
    ],
)
def test_what_is_unsafe_or_unknown_is_refused(
    tmp_path: Path, said: str, instead: str, told: str
) -> None:
    section = f"{LOGIN}    claim: groups\n".replace(said, instead)
    found = problems(tmp_path, section)
    assert told in found
    assert "hunter2" not in found


def test_the_highest_role_of_all_groups_counts() -> None:
    roles = RoleMap(roles={"viewer": ("staff",), "operator": ("oncall",), "admin": ("leads",)})
    assert roles.role_of(["staff", "leads", "oncall"]) is Role.ADMIN
    assert roles.role_of(["staff", "oncall"]) is Role.OPERATOR
    assert roles.role_of(["staff"]) is Role.VIEWER
    assert roles.role_of(["guests"]) is None
    assert roles.role_of([]) is None
    assert RoleMap(default_role="viewer").role_of(["guests"]) is Role.VIEWER


@settings(deadline=None)
@given(st.sets(st.sampled_from(["a", "b", "c", "d"])), st.sets(st.sampled_from("abcd")))
def test_more_groups_never_mean_less(groups: set[str], more: set[str]) -> None:
    roles = RoleMap(roles={"viewer": ("a",), "operator": ("b",), "admin": ("c",)})
    assert (roles.role_of(groups | more) or 0) >= (roles.role_of(groups) or 0)


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("[::1]", True),
        ("localhost", True), ("0.0.0.0", False), ("::", False), ("localhost.example.org", False),
        ("", False),
    ],
)  # fmt: skip
def test_loopback(address: str, is_so: bool) -> None:
    assert is_loopback(address) is is_so


def test_what_the_documentation_shows_can_be_written(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "access.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) == 2
    for section in shown:
        (tmp_path / "cbcr.yaml").write_text(SOURCES + section, encoding="utf-8")
        assert load_config(tmp_path / "cbcr.yaml", environ={}).dashboards.has_login
