"""The gate and the forms, for each role: what is shown, and what happens without a form."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cbcr_assets.alerting import deeds
from cbcr_assets.alerting.tables import open_store, reading
from cbcr_assets.steps import drills
from cbcr_assets.steps.platform import Platform, open_platform
from streamlit_app import access, server

APP = str(Path(__file__).resolve().parents[2] / "streamlit_app" / "app.py")
SOURCES = "sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n"
LOGIN = """dashboards:
  login:
    metadata_url: https://login.example.org/.well-known/openid-configuration
    client_id: cbcr
    client_secret: env:CBCR_TEST_CLIENT
    cookie_secret: env:CBCR_TEST_COOKIE
    redirect_uri: https://cbcr.example.org/oauth2callback
    roles: {viewer: [staff], operator: [dba-oncall], admin: [dba-leads]}
"""
GROUPS = {"vic": ["staff"], "ann": ["staff", "dba-oncall"], "adam": ["dba-leads"], "eve": ["x"]}


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    (tmp_path / "cbcr.yaml").write_text(SOURCES + LOGIN)
    (tmp_path / "alerting.yaml").write_text(
        "route: {receiver: log}\nreceivers: [{name: log, type: file, path: log.jsonl}]\n"
    )
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "cbcr.yaml"))
    monkeypatch.setenv("CBCR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CBCR_SERVING", str(tmp_path / "serving"))
    access.configured.cache_clear()
    yield open_platform()
    access.configured.cache_clear()


def user(name: str, *, age_s: float = 60) -> dict[str, Any]:
    return {
        "is_logged_in": True, "sub": f"id-of-{name}", "preferred_username": name,
        "groups": GROUPS[name], "iat": time.time() - age_s,
    }  # fmt: skip


def forms() -> None:
    """A page of one form of each kind."""
    import streamlit as st

    from streamlit_app import access, action_forms, actions

    st.title(access.gate().name)
    rpo = action_forms.meant(rule="rpo")
    action_forms.acknowledge(rpo, what="rpo of [x](y)", place="t")
    action_forms.silence(rpo, what="rpo", place="t")
    action_forms.end_silence("1234", what="rpo", place="t")
    action_forms.release("ab" * 32, what="a row", place="t")
    action_forms.request_drill("orders", team="payments", place="t")
    action_forms.withdraw_drill("1234", what="orders", place="t")
    action_forms.audit_table()
    if st.button("By hand"):
        try:
            st.write(actions.request_drill("orders", reason="", key="by-hand").text)
        except access.NotAllowedError as error:
            st.warning(str(error))


def run(app: AppTest, **who: Any) -> AppTest:
    app.user = who
    app.run()
    assert not app.exception, app.exception
    return app


def click(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_before_the_login_there_is_a_button_and_nothing_else(platform: Platform) -> None:
    app = run(AppTest.from_file(APP, default_timeout=60), is_logged_in=False)
    assert labels(app) == ["Log in"]
    assert [title.value for title in app.title] == ["CBCR"]
    assert not app.sidebar.caption
    assert not app.error


@pytest.mark.parametrize(
    ("name", "role"), [("vic", "viewer"), ("ann", "operator"), ("adam", "admin")]
)
def test_who_logged_in_gets_to_the_pages_with_a_role(
    platform: Platform, name: str, role: str
) -> None:
    app = run(AppTest.from_file(APP, default_timeout=60), **user(name))
    assert f"{name} · {role}" in [caption.value for caption in app.sidebar.caption]
    assert "Log out" in labels(app)
    assert "Nothing was published yet" in app.error[0].value


def test_a_login_of_yesterday_is_over(platform: Platform) -> None:
    app = run(AppTest.from_file(APP, default_timeout=60), **user("ann", age_s=13 * 3600))
    assert labels(app) == ["Log in"]
    assert [warning.value for warning in app.warning] == ["This login has ended; log in again."]


def test_nobody_enters_without_a_role(platform: Platform) -> None:
    app = run(AppTest.from_file(APP, default_timeout=60), **user("eve"))
    assert "none of their groups has a role here" in app.error[0].value
    assert labels(app) == ["Log out"]


def test_a_viewer_has_no_form_and_acting_anyway_is_refused(platform: Platform) -> None:
    app = run(AppTest.from_function(forms, default_timeout=60), **user("vic"))
    assert sorted(labels(app)) == ["By hand", "Log out"]
    click(app, "By hand")
    assert "one must be an operator; vic is a viewer" in app.warning[0].value
    assert drills.requests(platform) == []


def test_an_operator_has_every_form_and_what_came_of_it_is_shown(platform: Platform) -> None:
    app = run(AppTest.from_function(forms, default_timeout=60), **user("ann"))
    assert {"Acknowledge", "Silence", "End the silence", "Release", "Request", "Withdraw"} < set(
        labels(app)
    )
    assert not app.dataframe
    first = next(button for button in app.button if button.label == "Request")
    next(i for i in app.text_input if "request_drill" in (i.key or "")).input("the auditor asks")
    first.click().run()
    assert not app.exception, app.exception
    assert "a verified restore of orders answers it" in app.success[0].value
    (request,) = drills.requests(platform)
    assert (request.asked_by, request.reason) == ("ann", "the auditor asks")
    second = next(button for button in app.button if button.label == "Request")
    assert second.key != first.key, "the next form must have a key of its own"
    second.click().run()
    assert "is requested already" in app.info[0].value


def test_an_admin_sees_what_people_did(platform: Platform) -> None:
    app = run(AppTest.from_function(forms, default_timeout=60), **user("vic"))
    click(app, "By hand")
    app = run(AppTest.from_function(forms, default_timeout=60), **user("adam"))
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["name"], row["action"], row["outcome"]) == ("vic", "request_drill", "refused")
    with reading(open_store(platform.alert_store)) as con:
        assert len(deeds.newest(con, limit=10)) == 1


def test_what_waits_is_listed_for_everybody_and_withdrawn_by_operators(platform: Platform) -> None:
    def lists() -> None:
        from streamlit_app import access, action_forms

        access.gate()
        action_forms.waiting_drills(place="t")
        action_forms.waiting_drills("nowhere", place="u")
        action_forms.releases_table()

    asked = run(AppTest.from_function(forms, default_timeout=60), **user("ann"))
    click(asked, "Request")
    click(asked, "Release")
    app = run(AppTest.from_function(lists, default_timeout=60), **user("vic"))
    assert "ann asks since" in app.info[0].value
    assert len(app.info) == 1
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["by"], row["outcome"]) == ("ann", "waits")
    assert labels(app) == ["Log out"]
    app = run(app, **user("ann"))
    click(app, "Withdraw")
    assert drills.requests(platform) == []


def test_taking_the_login_out_of_the_file_opens_no_running_server(platform: Platform) -> None:
    app = run(AppTest.from_file(APP, default_timeout=60), is_logged_in=False)
    platform.config.file.write_text(SOURCES)
    assert labels(run(app, is_logged_in=False)) == ["Log in"]


def test_without_a_login_this_machine_is_an_admin(platform: Platform) -> None:
    platform.config.file.write_text(SOURCES)
    app = run(AppTest.from_function(forms, default_timeout=60))
    assert "Log out" not in labels(app)
    assert "Acknowledge" in labels(app)


def test_without_a_configuration_an_action_says_what_is_missing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "nowhere.yaml"))
    monkeypatch.setenv("CBCR_HOME", str(tmp_path / "empty"))
    app = run(AppTest.from_function(forms, default_timeout=60))
    click(app, "Request")
    assert "nowhere" in app.error[-1].value


@pytest.mark.parametrize(
    ("address", "starts"), [("127.0.0.1", True), ("0.0.0.0", False), (None, False)]
)
def test_where_it_listens_without_a_login(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, address: str | None, starts: bool
) -> None:
    platform.config.file.write_text(SOURCES)
    monkeypatch.setattr(server.st, "get_option", lambda _: address)
    if starts:
        assert server.options()["secrets"] == {}
        return
    with pytest.raises(SystemExit, match=r"configure dashboards\.login"):
        server.options()


def test_the_secrets_are_given_in_memory_and_shown_nowhere(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBCR_TEST_CLIENT", "client-value")
    monkeypatch.setenv("CBCR_TEST_COOKIE", "cookie-value" * 4)
    monkeypatch.setattr(server.st, "get_option", lambda _: "0.0.0.0")
    options = server.options()
    assert options["secrets"]["auth"]["client_secret"] == "client-value"
    assert "client-value" not in repr(options["middleware"]) + repr(access.configured())
    assert "cookie-value" not in repr(options["middleware"]) + repr(access.configured())


def test_a_broken_configuration_is_not_served(platform: Platform) -> None:
    platform.config.file.write_text("dashboards: {address: 0.0.0.0}\n")
    with pytest.raises(SystemExit, match="do not start"):
        server.options()
