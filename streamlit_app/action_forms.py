"""Forms of the actions: what a page calls to let people do something.

Belongs here: buttons, fields, and what came of it. Does not belong here: what an action does, who
may do it (see `actions`); here a form is only left out for who may not.

`place` names where on which page a form is; two forms on a page need different ones. `matchers`
are texts such as `rule="rpo"` (see `meant`). Each form draws nothing when the reader's role does
not suffice. What it shows of others must have gone through `status.plain`, except `what`, which is
done here.

Each drawing of a form has a key of its own, which its button carries. Whoever clicks twice sends
the same key twice; the second time nothing is done, and the page says so.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
import streamlit as st

from cbcr_assets.alerting import StoreError
from cbcr_assets.config import ConfigError
from cbcr_assets.config.dashboards import Role
from cbcr_assets.config.matchers import Matcher
from cbcr_assets.steps.acting import AGAIN, DONE, FAILED, NOTHING, NotAllowedError, Outcome
from streamlit_app import access, actions
from streamlit_app.status import plain

LASTING = ("1h", "2h", "4h", "8h", "1d", "3d", "7d")
_SHOWS = {DONE: st.success, NOTHING: st.info, AGAIN: st.info, FAILED: st.error}


def meant(**labels: str) -> tuple[str, ...]:
    """Return matchers that labels meet: `meant(rule="rpo", subject_id=name)`."""
    return tuple(str(Matcher(name, "=", value)) for name, value in labels.items() if value)


def acknowledge(matchers: Sequence[str], *, what: str, place: str) -> None:
    """Let an operator take care of what fires and matches.

    Args:
        matchers: What is meant; all must match.
        what: The same for people, such as `rpo of db-1`.
        place: Where this form is.
    """
    with _Form("acknowledge", place, "Acknowledge", ":material/front_hand:") as form:
        form.write(f"Take care of {plain(what)}: nobody is called any further.")
        form.field(
            "lapses", st.selectbox, "Lapses after", ["", *LASTING],
            format_func=lambda value: value or "as the policy says",
        )  # fmt: skip
        form.submit(
            "Acknowledge",
            lambda key, given: actions.acknowledge(matchers, key=key, lapses=given["lapses"]),
        )


def silence(matchers: Sequence[str], *, what: str, place: str) -> None:
    """Let an operator silence what matches, for a while; the matchers can be changed.

    Args:
        matchers: What is meant at first; all must match.
        what: The same for people.
        place: Where this form is.
    """
    with _Form("silence", place, "Silence", ":material/notifications_paused:") as form:
        form.write(f"Tell nobody about {plain(what)}.")
        form.field("matchers", st.text_area, "What, one condition a line", "\n".join(matchers))
        form.field("lasts", st.selectbox, "For", list(LASTING), index=1)
        form.field("comment", st.text_input, "Why", max_chars=500)
        form.submit(
            "Silence",
            lambda key, given: actions.silence(
                given["matchers"].splitlines(), lasts=given["lasts"], comment=given["comment"],
                key=key,
            ),
        )  # fmt: skip


def end_silence(silence_id: str, *, what: str, place: str) -> None:
    """Let an operator end a silence now."""
    with _Form("end_silence", place, "End now", ":material/notifications_active:") as form:
        form.write(f"Tell people about {plain(what)} again.")
        form.submit("End the silence", lambda key, _: actions.end_silence(silence_id, key=key))


def release(quarantine_id: str, *, what: str, place: str) -> None:
    """Let an operator release a row from quarantine: it counts as it is."""
    with _Form("release", place, "Release", ":material/lock_open:") as form:
        form.write(
            f"Let {plain(what)} count as it is, although it was refused. The watch lane does it"
            " when it may write, within a minute or after the build that is under way."
        )
        form.submit("Release", lambda key, _: actions.release(quarantine_id, key=key))


def request_drill(instance_id: str, *, team: str, place: str) -> None:
    """Let an operator ask for a restore drill of an instance.

    Args:
        instance_id: The instance.
        team: Whose it is, may be empty; that team is told.
        place: Where this form is.
    """
    with _Form("request_drill", place, "Request a drill", ":material/restore:") as form:
        form.write(
            f"Ask {plain(team) or 'whoever hears about it'} to restore {plain(instance_id)} and to"
            " verify what came back. The next verified restore that begins from now on answers it."
        )
        form.field("reason", st.text_input, "Why", max_chars=500)
        form.submit(
            "Request",
            lambda key, given: actions.request_drill(
                instance_id, reason=given["reason"], key=key, team=team
            ),
        )


def withdraw_drill(request_id: str, *, what: str, place: str) -> None:
    """Let an operator withdraw the request of a drill."""
    with _Form("withdraw_drill", place, "Withdraw", ":material/undo:") as form:
        form.write(f"Nobody needs to prove {plain(what)} any more.")
        form.submit("Withdraw", lambda key, _: actions.withdraw_drill(request_id, key=key))


def waiting_drills(instance_id: str = "", *, place: str) -> None:
    """Show the requests of drills that wait, with the way to withdraw each.

    Args:
        instance_id: Only those of this instance; empty: all.
        place: Where this list is.
    """
    found = _read(lambda: actions.drill_requests(instance_id))
    for one in found or ():
        since = f"{one.asked_at:%Y-%m-%d %H:%M} UTC"
        reason = f": {plain(one.reason)}" if one.reason else ""
        st.info(
            f"{plain(one.asked_by)} asks since {since} for a restore drill of"
            f" {plain(one.instance_id)}{reason}",
            icon=":material/restore:",
        )
        withdraw_drill(one.id, what=one.instance_id, place=f"{place}/{one.id}")


def releases_table() -> None:
    """Show which rows were asked to be released, and what came of it."""
    found = _read(actions.releases)
    if found:
        rows = [
            {
                "asked at (UTC)": one.asked_at, "by": one.asked_by, "entry": one.target,
                "outcome": one.outcome or "waits", "result": one.result,
            }
            for one in found
        ]  # fmt: skip
        st.dataframe(pl.DataFrame(rows, infer_schema_length=None), hide_index=True)


def audit_table(*, limit: int = 200) -> None:
    """Show an admin what people did, the newest first; nothing to others."""
    if not access.may(Role.ADMIN):
        return
    found = _read(lambda: actions.audit(limit=limit))
    if found:
        frame = pl.DataFrame([deed.row() for deed in found], infer_schema_length=None)
        st.dataframe(frame.rename({"at": "at (UTC)"}), hide_index=True)
    elif found is not None:
        st.caption("Nobody did anything yet.")


def _read(read: Callable[[], list[Any]]) -> list[Any] | None:
    """Read the alert store; say why it cannot be read and return None."""
    try:
        return read()
    except (StoreError, ConfigError, sa.exc.OperationalError) as error:
        st.error(f"What people asked for cannot be read now: {plain(str(error))}")
        return None


class _Form:
    """One form in a popover; what came of it is shown below the button that opens it."""

    def __init__(self, action: str, place: str, label: str, icon: str) -> None:
        self._name = f"{action}/{place}"
        self._label, self._icon = label, icon
        self._fields: list[str] = []
        self._parts: list[Callable[[], Any]] = []
        self._submit: Callable[[], Any] | None = None

    def __enter__(self) -> "_Form":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None or not access.may(Role.OPERATOR):
            return
        key = self._key()
        with st.popover(self._label, icon=self._icon), st.form(f"form/{key}", border=False):
            for part in self._parts:
                part()
            if self._submit is not None:
                self._submit()
        outcome = st.session_state.get(f"outcome/{self._name}")
        if outcome is not None:
            _SHOWS[outcome.kind](plain(outcome.text))

    def write(self, text: str) -> None:
        """Say what the form is for."""
        self._parts.append(lambda: st.write(text))

    def field(
        self, name: str, widget: Callable[..., Any], label: str, *rest: Any, **more: Any
    ) -> None:
        """Add a field; its value is given to the action under its name."""
        key = f"{self._key()}/{name}"
        self._fields.append(name)
        self._parts.append(lambda: widget(label, *rest, key=key, **more))

    def submit(self, label: str, work: Callable[[str, dict[str, Any]], Outcome]) -> None:
        """Add the button that acts."""
        name, key, fields = self._name, self._key(), tuple(self._fields)
        self._submit = lambda: st.form_submit_button(
            label, type="primary", on_click=_act, args=(name, key, fields, work)
        )

    def _key(self) -> str:
        slot = f"key/{self._name}"
        if slot not in st.session_state:
            st.session_state[slot] = f"{self._name}/{uuid.uuid4().hex}"
        return str(st.session_state[slot])


def _act(
    name: str,
    key: str,
    fields: Sequence[str],
    work: Callable[[str, dict[str, Any]], Outcome],
) -> None:
    """Do what a form says; the next drawing of it has a new key."""
    given = {field: st.session_state.get(f"{key}/{field}", "") for field in fields}
    try:
        outcome = work(key, given)
    except (NotAllowedError, ConfigError, StoreError) as error:
        outcome = Outcome(FAILED, str(error))
    st.session_state[f"outcome/{name}"] = outcome
    if st.session_state.get(f"key/{name}") == key:
        del st.session_state[f"key/{name}"]
