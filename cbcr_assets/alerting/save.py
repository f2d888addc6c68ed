"""Writing a decision: state, episodes, groups, silences, journal, all in one transaction.

Belongs here: the statements, in batches, the same on SQLite and PostgreSQL.
Does not belong here: what is written (see `engine`), messages (see `outbox`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from cbcr_assets.alerting.bulk import delete_many, insert_many, update_many
from cbcr_assets.alerting.load import StoredSnapshot
from cbcr_assets.alerting.model import AlertState, Change, Moment, Subject
from cbcr_assets.alerting.snapshot import Decision, Episode, Group, Key, Membership
from cbcr_assets.alerting.tables import (
    alert_group,
    alert_state,
    episode,
    group_member,
    journal,
    meta,
    scope,
    silence,
    storm,
)


def save(
    con: sa.Connection,
    decision: Decision,
    snapshot: StoredSnapshot,
    now: Moment,
    *,
    evaluation_ids: Mapping[str, str],
    rules: Mapping[str, str],
) -> None:
    """Write a decision.

    Args:
        con: Writing transaction; the caller ends it.
        decision: What is written.
        snapshot: What was known.
        now: Present.
        evaluation_ids: Identity of the evaluation of each scope.
        rules: Rule of the alerts of each scope, as people read it.
    """
    _states(con, decision, snapshot)
    _episodes(con, decision, snapshot)
    _groups(con, decision, snapshot)
    _scopes(con, decision, snapshot, now, rules)
    _silences(con, decision, now.wall)
    _storms(con, decision)
    entries = (_entry(s, c, now.wall, evaluation_ids.get(s), decision) for s, c in decision.changes)
    lines = (_line(now.wall, **entry.__dict__) for entry in decision.journal)
    insert_many(con, journal, chain(entries, lines))
    if decision.policy_mark != snapshot.policy_mark:
        con.execute(meta.delete().where(meta.c.name == "policy"))
        con.execute(meta.insert().values(name="policy", value=decision.policy_mark))


def _states(con: sa.Connection, decision: Decision, snapshot: StoredSnapshot) -> None:
    last = {(name, change.subject): change for name, change in decision.changes}

    def known(name: str, subject: Subject) -> bool:
        return subject in snapshot.states.get(name, ())

    def rule_of(change: Change) -> str:
        key = (change.after.fingerprint, max(change.after.episode, 1))
        made = decision.episodes.get(key) or snapshot.episodes.get(key)
        return made.rule if made else (change.row.rule if change.row else "")

    fresh = (
        _state(change.after)
        | {"scope": name, "rule": rule_of(change), "subject_kind": subject.kind,
           "subject_id": subject.id}
        for (name, subject), change in last.items() if not known(name, subject)
    )  # fmt: skip
    old = (_state(change.after) for (name, subject), change in last.items() if known(name, subject))
    insert_many(con, alert_state, fresh)
    update_many(con, alert_state, ("fingerprint",), old)


def _state(after: AlertState) -> dict[str, Any]:
    return {
        "fingerprint": after.fingerprint, "episode": after.episode, "phase": after.phase.value,
        "status": after.status, "severity": after.severity, "level": after.level,
        "since_e": after.since_e, "seen_e": after.seen_e, "due_e": after.due_e,
        "flips": json.dumps(after.flips) if after.flips else None,
    }  # fmt: skip


def _episodes(con: sa.Connection, decision: Decision, snapshot: StoredSnapshot) -> None:
    every = decision.episodes.items()
    fresh = (_episode(one, _EPISODE) for key, one in every if key not in snapshot.episodes)
    insert_many(con, episode, fresh)
    old = [
        (one, before) for key, one in every
        if (before := snapshot.episodes.get(key)) is not None and one != before
    ]  # fmt: skip
    # Most columns of an episode never change, and its words are most of it.
    changed = [
        name for name, read in _EPISODE.items()
        if name in _KEY or any(read(one) != read(before) for one, before in old)
    ]  # fmt: skip
    wanted = {name: _EPISODE[name] for name in changed}
    update_many(con, episode, _KEY, (_episode(one, wanted) for one, _ in old))
    dropped = ({"fingerprint": name, "n": n} for name, n in decision.dropped)
    delete_many(con, episode, dropped)


def _episode(one: Episode, wanted: Mapping[str, Callable[[Episode], Any]]) -> dict[str, Any]:
    return {name: read(one) for name, read in wanted.items()}


_KEY = ("fingerprint", "n")
_AS_THEY_ARE = (
    *_KEY, "rule", "status", "severity", "team", "labels", "summary", "was", "runbook", "value",
    "objective", "unit", "started_at", "opened_at", "resolved_at", "raised", "acked_by",
    "ack_until_e", "chain", "step", "remaining_s", "resume_e", "due_e", "muted_by",
)  # fmt: skip
_EPISODE: Mapping[str, Callable[[Episode], Any]] = {
    **{name: attrgetter(name) for name in _AS_THEY_ARE},
    "subject_kind": attrgetter("subject.kind"),
    "subject_id": attrgetter("subject.id"),
    "fired": lambda one: int(one.fired),
    "flapping": lambda one: int(one.flapping),
}


def _groups(con: sa.Connection, decision: Decision, snapshot: StoredSnapshot) -> None:
    fresh, old = [], []
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    gone: list[dict[str, str]] = []
    for key, group in decision.groups.items():
        known = snapshot.groups.get(key)
        times = {"anchor_e": group.anchor_e, "flush_e": group.flush_e,
                 "last_flush_e": group.last_flush_e, "notified_e": group.notified_e}  # fmt: skip
        if known is None:
            labels = json.dumps(group.labels)
            fresh.append(
                times
                | {"key": key, "receiver": group.receiver, "route": group.route, "labels": labels}
            )
        else:
            old.append(times | {"key": key})
        _members(group, known.members if known else {}, added, changed, gone)
    insert_many(con, alert_group, fresh)
    update_many(con, alert_group, ("key",), old)
    insert_many(con, group_member, added)
    update_many(con, group_member, ("group_key", "fingerprint"), changed)
    delete_many(con, group_member, gone)
    ended = [key for key in decision.gone if key in snapshot.groups]
    members = ((key, name) for key in ended for name in snapshot.groups[key].members)
    delete_many(con, group_member, ({"group_key": k, "fingerprint": n} for k, n in members))
    delete_many(con, alert_group, ({"key": key} for key in ended))


def _members(
    group: Group,
    known: Mapping[str, Membership],
    added: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    gone: list[dict[str, str]],
) -> None:
    for name, member in group.members.items():
        before = known.get(name)
        if before == member:
            continue
        values = {
            "n": member.n, "active": int(member.active), "in_last": int(member.in_last),
            "heard": int(member.heard), "told_raised": member.told_raised, "step": member.step,
            "told_step": member.told_step, "flushed": int(member.flushed),
        }  # fmt: skip
        if before is None:
            added.append(values | {"group_key": group.key, "fingerprint": name})
        else:
            changed.append(values | {"group_key": group.key, "fingerprint": name})
    gone += [
        {"group_key": group.key, "fingerprint": name} for name in known if name not in group.members
    ]


def _scopes(
    con: sa.Connection,
    decision: Decision,
    snapshot: StoredSnapshot,
    now: Moment,
    rules: Mapping[str, str],
) -> None:
    for name in dict.fromkeys(decision.scopes):
        values = {"seen_e": now.elapsed_e, "silent": 0, "rule": rules.get(name, name)}
        updated = con.execute(scope.update().where(scope.c.name == name).values(**values))
        if not updated.rowcount:
            con.execute(scope.insert().values(name=name, **values))
    silent = [name for name in snapshot.went_silent if name not in decision.scopes]
    update_many(con, scope, ("name",), ({"name": name, "silent": 1} for name in silent))


def _silences(con: sa.Connection, decision: Decision, now: datetime) -> None:
    rows = (
        {"id": one.id, "matchers": json.dumps([str(m) for m in one.matchers]),
         "starts_at": one.start, "ends_at": one.end, "made_by": one.by, "comment": one.comment}
        for one in decision.silences
    )  # fmt: skip
    insert_many(con, silence, rows)
    for identity in decision.expired:
        running = (silence.c.id == identity) & (silence.c.ends_at > now)
        con.execute(silence.update().where(running).values(ends_at=now))


def _storms(con: sa.Connection, decision: Decision) -> None:
    for receiver, one in decision.storms.items():
        since_e, groups, digest = astuple(one)
        con.execute(storm.delete().where(storm.c.receiver == receiver))
        con.execute(
            storm.insert().values(
                receiver=receiver, since_e=since_e, groups=groups, digest=int(digest)
            )
        )


def _entry(
    name: str, change: Change, now: datetime, evaluation_id: str | None, decision: Decision
) -> dict[str, Any]:
    key: Key = (change.after.fingerprint, change.after.episode)
    made = decision.episodes.get(key)
    rule = change.row.rule if change.row else made.rule if made else name
    return _line(
        now, what=change.kind.value, fingerprint=key[0], n=key[1], rule=rule,
        subject_kind=change.subject.kind, subject_id=change.subject.id,
        status=change.after.status, severity=change.after.severity, evaluation_id=evaluation_id,
    )  # fmt: skip


_LINE: Sequence[str] = [column.name for column in journal.c if column.name not in ("id", "at")]


def _line(now: datetime, **values: Any) -> dict[str, Any]:
    # Every row has the same keys, so that one statement writes them all.
    return {"at": now, **dict.fromkeys(_LINE), **values}
