"""Why nobody is told about an alert that fires: silences, maintenance, inhibition, the hour. Pure.

Belongs here: those reasons. Does not belong here: what a group does then (see `groups`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.alerting.inputs import Silence
from cbcr_assets.alerting.route import Node
from cbcr_assets.alerting.snapshot import Episode
from cbcr_assets.config.alerting import Policy
from cbcr_assets.config.matchers import Matcher, all_match
from cbcr_assets.config.routing import InhibitRule

Labels = Mapping[str, str]


def is_muted(node: Node, policy: Policy, now: datetime) -> bool:
    """Tell whether a route tells nobody at this hour."""
    if any(policy.time_intervals[name].contains(now) for name in node.muted_in):
        return True
    active = [policy.time_intervals[name].contains(now) for name in node.active_in]
    return bool(active) and not any(active)


@dataclass
class Suppression:
    """What keeps alerts quiet at one moment.

    Attributes:
        policy: The policy.
        silences: Silences that are known.
        now: The moment, naive UTC.
        firing: Returns every episode that fires; asked only if something inhibits.
    """

    policy: Policy
    silences: Iterable[Silence]
    now: datetime
    firing: Callable[[], Iterable[Episode]]
    _sources: list["_Sources"] | None = field(default=None, repr=False)

    def why(self, episode: Episode) -> str:
        """Return why nobody is told about an episode; empty: they are."""
        labels = episode.all_labels()
        return self._inhibited(episode, labels) or self._planned(labels) or self._silenced(labels)

    def is_calm(self) -> bool:
        """Tell whether nothing can keep any alert quiet."""
        return not (self.policy.inhibit_rules or self.policy.maintenance or tuple(self.silences))

    def _silenced(self, labels: Labels) -> str:
        for silence in self.silences:
            lasts = silence.start <= self.now < silence.end
            if lasts and all_match(silence.matchers, labels):
                return f"silence {silence.id}"
        return ""

    def _planned(self, labels: Labels) -> str:
        for number, window in enumerate(self.policy.maintenance):
            names = window.time_intervals
            lasts = window.lasts(self.now) and (
                not names or any(self.policy.time_intervals[n].contains(self.now) for n in names)
            )
            if lasts and all_match(window.matchers, labels):
                return f"maintenance {window.name or number}"
        return ""

    def _inhibited(self, episode: Episode, labels: Labels) -> str:
        if not self.policy.inhibit_rules:
            return ""
        if self._sources is None:
            self._sources = [_Sources(rule) for rule in self.policy.inhibit_rules]
            for source in self.firing():
                for sources in self._sources:
                    sources.add(source)
        for sources in self._sources:
            if by := sources.inhibits(episode, labels):
                return f"inhibited by {by}"
        return ""


class _Sources:
    """What fires at the source side of one rule, by its values of `equal`."""

    def __init__(self, rule: InhibitRule) -> None:
        self._rule = rule
        self._found: dict[tuple[str, ...], list[tuple[str, str, bool]]] = {}

    def add(self, episode: Episode) -> None:
        labels = episode.all_labels()
        if _matches(self._rule.source_matchers, labels):
            both = _matches(self._rule.target_matchers, labels)
            same = self._found.setdefault(self._values(labels), [])
            same.append((episode.fingerprint, f"{episode.rule} {episode.subject.id}", both))

    def inhibits(self, episode: Episode, labels: Labels) -> str:
        if not _matches(self._rule.target_matchers, labels):
            return ""
        # What matches both sides is inhibited neither by itself nor by another such one.
        both = _matches(self._rule.source_matchers, labels)
        for fingerprint, name, source_is_both in self._found.get(self._values(labels), ()):
            if fingerprint != episode.fingerprint and not (both and source_is_both):
                return name
        return ""

    def _values(self, labels: Labels) -> tuple[str, ...]:
        return tuple(labels.get(name, "") for name in self._rule.equal)


def _matches(matchers: tuple[Matcher, ...], labels: Labels) -> bool:
    return all_match(matchers, labels)
