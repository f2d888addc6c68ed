"""The working copy of a decision: what was known is never changed, what changes is written down.

Belongs here: copying on the first change, and finding the groups of an alert.
Does not belong here: deciding (see `engine`).
"""

from copy import copy
from dataclasses import replace

from cbcr_assets.alerting import escalation
from cbcr_assets.alerting.groups import LAST_WORDS, touch
from cbcr_assets.alerting.model import AlertState, Moment, Subject
from cbcr_assets.alerting.route import Node, Rhythm, compile_routes
from cbcr_assets.alerting.snapshot import Decision, Entry, Episode, Group, Key, Snapshot
from cbcr_assets.alerting.suppression import Suppression
from cbcr_assets.config.alerting import Policy


class Work:
    """What is decided so far."""

    def __init__(self, policy: Policy, snapshot: Snapshot, now: Moment) -> None:
        """Begin with what is known."""
        self.policy, self.snapshot, self.now = policy, snapshot, now
        self.root = compile_routes(policy.route)
        self.decision = Decision()
        self.silences = list(snapshot.silences)
        self.states: dict[str, dict[Subject, AlertState]] = {}
        self.keys: dict[tuple[object, ...], str] = {}
        self.joined: dict[str, set[str]] = {}
        self._nodes: dict[tuple[str, str], Node] = {}
        for node in self.root.every():
            self._nodes.setdefault((node.id, node.receiver), node)

    def scope(self, name: str) -> dict[Subject, AlertState]:
        """Return the states of a scope as they are now."""
        if name not in self.states:
            self.states[name] = dict(self.snapshot.states.get(name, {}))
        return self.states[name]

    def episode(self, key: Key) -> Episode:
        """Return an episode that may be changed; it is written."""
        found = self.decision.episodes.get(key)
        if found is None:
            found = self.decision.episodes[key] = copy(self.known(key))
        return found

    def known(self, key: Key) -> Episode:
        """Return an episode as it is now, to look at."""
        found = self.decision.episodes.get(key) or self.snapshot.episodes.get(key)
        if found is None:
            self.snapshot.want_alerts([key])
            found = self.snapshot.episodes[key]
        return found

    def firing(self) -> list[Episode]:
        """Return every episode that fires."""
        self.snapshot.want_open()
        every = self.snapshot.episodes | self.decision.episodes
        return [episode for episode in every.values() if episode.fires]

    def group(self, key: str) -> Group | None:
        """Return a group that may be changed, if there is one; it is written."""
        found = self.decision.groups.get(key)
        if found is None and (known := self.snapshot.groups.get(key)) is not None:
            members = {name: member.copied() for name, member in known.members.items()}
            found = replace(known, members=members)
            self.decision.groups[key] = found
        return found

    def groups_of(self, episode: Episode) -> list[Group]:
        """Return the groups that an alert is in; they may be changed."""
        keys = set(self.snapshot.groups_of(episode.fingerprint))
        keys |= self.joined.get(episode.fingerprint, set())
        found = [self.group(key) for key in sorted(keys)]
        return [group for group in found if group and episode.fingerprint in group.members]

    def node(self, group: Group) -> Node | None:
        """Return the route of a group; None: it is gone, or an escalation brought it."""
        return self._nodes.get((group.route, group.receiver)) if group.route else None

    def rhythm(self, group: Group) -> Rhythm:
        """Return the rhythm of a group."""
        node = self.node(group)
        return node.rhythm if node else LAST_WORDS

    def touch(self, episode: Episode) -> None:
        """Something about an alert changed: its groups are looked at when they may be."""
        for group in self.groups_of(episode):
            touch(group, self.rhythm(group), self.now.elapsed_e)

    def suppression(self) -> Suppression:
        """Return what keeps alerts quiet now."""
        return Suppression(self.policy, self.silences, self.now.wall, self.firing)

    def mute(self, key: Key, why: str) -> None:
        """Record why nobody is told about an episode, or that they are again."""
        if self.known(key).muted_by == why:
            return
        episode = self.episode(key)
        episode.muted_by = why
        if why:
            escalation.halt(episode, self.now.elapsed_e)
        else:
            escalation.go_on(episode, self.now.elapsed_e)
        self.note("muted" if why else "unmuted", episode, detail=why or None)

    def note(
        self, what: str, episode: Episode, *, receiver: str | None = None, detail: str | None = None
    ) -> None:
        """Write a line into the journal."""
        self.decision.journal.append(
            Entry(what, episode.fingerprint, episode.n, receiver, detail, episode.rule,
                  episode.severity)
        )  # fmt: skip
