"""Reading what the engine must know: a snapshot that fetches more of the same moment when asked.

Belongs here: queries that fill a snapshot, the same on SQLite and PostgreSQL.
Does not belong here: writing (see `save`), messages that wait (see `outbox`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from cbcr_assets.alerting.inputs import Silence
from cbcr_assets.alerting.model import AlertState, Moment, Phase, Subject
from cbcr_assets.alerting.snapshot import Episode, Group, Key, Membership, Snapshot, Storm
from cbcr_assets.alerting.tables import (
    alert_group,
    alert_state,
    episode,
    group_member,
    meta,
    outbox,
    outbox_member,
    scope,
    silence,
    storm,
)
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.matchers import read_matcher

_Item = TypeVar("_Item")
_CHUNK = 5_000
_PORTION = 1_000
_PHASES = {phase.value: phase for phase in Phase}


def chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Yield items in lists that a statement can take."""
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


class StoredSnapshot(Snapshot):
    """What a store knows, within the caller's transaction."""

    def __init__(self, con: sa.Connection, policy: Policy, now: Moment) -> None:
        """Read what is due."""
        super().__init__()
        self._con = con
        self._index: dict[str, set[str]] = {}
        self._complete: set[str] = set()
        self._knows_open = False
        self._group_keys: set[str] | None = None
        self.policy_mark = self._meta("policy")
        self.silences = read_silences(con)
        self.storms = {
            row.receiver: Storm(row.since_e, row.groups, bool(row.digest))
            for row in con.execute(sa.select(storm))
        }
        self._due_states(now.elapsed_e)
        self._silent_scopes(policy, now.elapsed_e)
        keys = con.execute(
            sa.select(alert_group.c.key).where(alert_group.c.flush_e <= now.elapsed_e)
        )
        self.want_groups(keys.scalars().all())
        due = (episode.c.due_e <= now.elapsed_e) & episode.c.resolved_at.is_(None)
        self.want_alerts(self._episodes(due))
        if not self.policy_mark:
            self.legacy_heard = _legacy_heard(con)

    def load_scope(self, name: str) -> None:
        """Know every alert of a scope."""
        if name not in self.states:
            rows = _rows(self._con, _STATES.where(alert_state.c.scope == name))
            self.states[name] = {Subject(row[1], row[2]): _state(row) for row in rows}

    def want_alerts(self, keys: Iterable[Key]) -> None:
        """Know these episodes, and the groups their alerts are in."""
        wanted = [key for key in keys if key not in self.episodes or key[0] not in self._complete]
        fingerprints = sorted({fingerprint for fingerprint, _ in wanted})
        groups: set[str] = set()
        for chunk in chunks(fingerprints):
            c = group_member.c
            query = sa.select(c.group_key, c.fingerprint).where(c.fingerprint.in_(chunk))
            for key, name in _rows(self._con, query):
                groups.add(key)
                self._index.setdefault(name, set()).add(key)
        self._complete |= set(fingerprints)
        self.want_groups(groups)  # with most of the episodes
        missing = {key for key in wanted if key not in self.episodes}
        for chunk in chunks(sorted({fingerprint for fingerprint, _ in missing})):
            self._episodes(episode.c.fingerprint.in_(chunk), only=missing)

    def declare_new(self, fingerprints: Iterable[str]) -> None:
        """Know that these alerts were never seen before: there is nothing to fetch."""
        self._complete |= set(fingerprints)

    def want_groups(self, keys: Iterable[str]) -> None:
        """Know these groups, if they are, with the episodes of their members."""
        if self._group_keys is None:
            self._group_keys = set(self._con.execute(sa.select(alert_group.c.key)).scalars())
        wanted = sorted({key for key in keys if key not in self.groups} & self._group_keys)
        for chunk in chunks(wanted):
            for row in self._con.execute(
                sa.select(alert_group).where(alert_group.c.key.in_(chunk))
            ):
                self.groups[row.key] = Group(
                    row.key, row.receiver, row.route, json.loads(row.labels), row.anchor_e,
                    row.flush_e, row.last_flush_e, row.notified_e,
                )  # fmt: skip
            members = _rows(
                self._con, sa.select(group_member).where(group_member.c.group_key.in_(chunk))
            )
            for key, name, n, active, in_last, heard, raised, step, told_step, flushed in members:
                self.groups[key].members[name] = Membership(
                    n, bool(active), bool(in_last), bool(heard), raised, step, told_step,
                    bool(flushed),
                )  # fmt: skip
                self._index.setdefault(name, set()).add(key)
            joined = (group_member.c.fingerprint == episode.c.fingerprint) & (
                group_member.c.n == episode.c.n
            )
            self._episodes(group_member.c.group_key.in_(chunk), joined=joined)

    def want_open(self) -> None:
        """Know every open episode, and the groups they are in."""
        if not self._knows_open:
            self._knows_open = True
            self.want_alerts(self._episodes(episode.c.resolved_at.is_(None)))

    def groups_of(self, fingerprint: str) -> list[str]:
        """Return the keys of the groups that an alert is in."""
        if fingerprint not in self._complete:
            c = group_member.c
            query = sa.select(c.group_key).where(c.fingerprint == fingerprint)
            self._index.setdefault(fingerprint, set()).update(self._con.execute(query).scalars())
            self._complete.add(fingerprint)
            self.want_groups(self._index[fingerprint])
        return list(self._index.get(fingerprint, ()))

    def _meta(self, name: str) -> str:
        return self._con.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar() or ""

    def _episodes(
        self,
        condition: sa.ColumnElement[bool],
        *,
        only: set[Key] | None = None,
        joined: sa.ColumnElement[bool] | None = None,
    ) -> list[Key]:
        found = []
        query = _EPISODES if joined is None else _EPISODES.join_from(episode, group_member, joined)
        for row in _rows(self._con, query.where(condition)):
            key = (row[0], row[1])
            if (only is None or key in only) and key not in self.episodes:
                self.episodes[key] = _episode(row)
            found.append(key)
        return found

    def _due_states(self, now_e: float) -> None:
        query = sa.select(alert_state.c.scope, *_STATES.selected_columns).where(
            alert_state.c.due_e <= now_e
        )
        rows: Iterable[Any] = self._con.execute(query)
        for scope_name, *row in rows:
            self.due.append((scope_name, Subject(row[1], row[2]), row[3], _state(row)))
        for name in {name for name, *_ in self.due}:
            self.load_scope(name)

    def _silent_scopes(self, policy: Policy, now_e: float) -> None:
        for row in self._con.execute(sa.select(scope).where(scope.c.silent == 0)).all():
            limit_s = policy.stale_after(row.rule)
            if not limit_s or now_e - row.seen_e <= limit_s:
                continue
            self.load_scope(row.name)
            self.went_silent.append(row.name)
            for subject, state in self.states[row.name].items():
                if state.phase is Phase.OPEN and now_e - state.seen_e > limit_s:
                    self.silent.append((row.name, subject, row.rule, state))


def _rows(con: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
    """Yield rows by the portion: one by one takes longer, all at once more memory."""
    for portion in con.execute(query).partitions(_PORTION):
        yield from portion


def read_silences(con: sa.Connection) -> list[Silence]:
    """Return the silences that are kept, ended ones too."""
    return [
        Silence(
            row.id, tuple(read_matcher(text) for text in json.loads(row.matchers)),
            row.starts_at, row.ends_at, row.made_by, row.comment,
        )
        for row in con.execute(sa.select(silence).order_by(silence.c.starts_at, silence.c.id))
    ]  # fmt: skip


def read_standing(con: sa.Connection, receiver: str, *, since: datetime) -> list[Episode]:
    """Return what a receiver was told of: episodes that fire, and that have ended since a moment.

    One whose end is held back until it is quiet is none of both: nothing is new about it.
    """
    c = episode.c
    fires = c.resolved_at.is_(None) & (c.status != "ok")
    was_told = sa.exists().where(
        outbox_member.c.fingerprint == c.fingerprint, outbox_member.c.n == c.n,
        outbox.c.id == outbox_member.c.outbox_id, outbox.c.receiver == receiver,
        outbox.c.state == "sent",
    )  # fmt: skip
    query = _EPISODES.where(c.fired == 1, fires | (c.resolved_at >= since), was_told)
    return [_episode(row) for row in con.execute(query.order_by(c.opened_at))]


_c = alert_state.c
_STATES = sa.select(
    _c.fingerprint, _c.subject_kind, _c.subject_id, _c.rule, _c.episode, _c.phase, _c.status,
    _c.severity, _c.level, _c.since_e, _c.seen_e, _c.due_e, _c.flips,
)  # fmt: skip
_e = episode.c
_EPISODES = sa.select(
    _e.fingerprint, _e.n, _e.rule, _e.subject_kind, _e.subject_id, _e.status, _e.severity, _e.team,
    _e.labels, _e.summary, _e.was, _e.runbook, _e.value, _e.objective, _e.unit, _e.started_at,
    _e.opened_at, _e.resolved_at, _e.fired, _e.raised, _e.flapping, _e.acked_by, _e.ack_until_e,
    _e.chain, _e.step, _e.remaining_s, _e.resume_e, _e.due_e, _e.muted_by,
)  # fmt: skip


def _state(row: Sequence[Any]) -> AlertState:
    (fingerprint, _, _, _, n, phase, status, severity, level, since_e, seen_e, due_e, flips) = row
    return AlertState(
        fingerprint, n, _PHASES[phase], status, severity, level, since_e, seen_e, due_e,
        tuple(json.loads(flips)) if flips else (),
    )  # fmt: skip


def _episode(row: Sequence[Any]) -> Episode:
    fingerprint, n, rule, kind, name, *rest = row
    found = Episode(fingerprint, n, rule, Subject(kind, name), *rest)
    found.fired, found.flapping = bool(found.fired), bool(found.flapping)
    return found


def _legacy_heard(con: sa.Connection) -> dict[Key, frozenset[str]]:
    """Return who was told of open episodes by a version that knew no groups."""
    open_ones = (episode.c.fingerprint == outbox_member.c.fingerprint) & (
        episode.c.n == outbox_member.c.n
    )
    rows: Iterable[Any] = con.execute(
        sa.select(outbox_member.c.fingerprint, outbox_member.c.n, outbox.c.receiver)
        .distinct()
        .join_from(outbox_member, outbox, outbox.c.id == outbox_member.c.outbox_id)
        .join(episode, open_ones)
        .where(
            episode.c.resolved_at.is_(None), outbox_member.c.says == "firing",
            outbox.c.state.in_(["pending", "sent"]),
        )
    )  # fmt: skip
    found: dict[Key, set[str]] = {}
    for fingerprint, n, receiver in rows:
        found.setdefault((fingerprint, n), set()).add(receiver)
    return {key: frozenset(names) for key, names in found.items()}
