"""The route tree: who is told about an alert with given labels, and in which rhythm. Pure.

Belongs here: Alertmanager's meaning of `routes`, `continue` and inheritance.
Does not belong here: the file it is read from (see `cbcr_assets.config.routing`).

A root that names none of group_by, group_wait, group_interval and repeat_interval means: at once,
one group for each rule and team. As soon as it names one of them, the others are Alertmanager's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cbcr_assets.config.matchers import Matcher, all_match
from cbcr_assets.config.routing import Route

EVERY_LABEL = "..."


@dataclass(frozen=True)
class Rhythm:
    """How alerts are grouped and when groups are told.

    Attributes:
        group_by: Labels that make a group.
        wait_s: How long a new group waits for more.
        interval_s: Time between two flushes; zero: with every tick.
        repeat_s: When what still fires is said again; zero: never.
    """

    group_by: tuple[str, ...]
    wait_s: float
    interval_s: float
    repeat_s: float


AT_ONCE = Rhythm(("rule", "team"), 0.0, 0.0, 14_400.0)
ALERTMANAGER = Rhythm((), 30.0, 300.0, 14_400.0)


@dataclass(frozen=True)
class Node:
    """A route with everything that it inherits.

    Attributes:
        id: Its identity: the matchers on the way to it.
        receiver: Who is told.
        matchers: Every one must match.
        goes_on: Siblings after this one are tried, too.
        rhythm: Grouping and timers.
        muted_in: Names of the intervals in which nobody is told.
        active_in: Names of the only intervals in which somebody is told.
        escalation: Name of its chain.
        children: Its children.
    """

    id: str
    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool
    rhythm: Rhythm
    muted_in: tuple[str, ...]
    active_in: tuple[str, ...]
    escalation: str | None
    children: tuple["Node", ...]

    def labels_of_group(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels that say to which group an alert belongs; a missing one is empty."""
        names = labels if self.rhythm.group_by == (EVERY_LABEL,) else self.rhythm.group_by
        return {name: labels.get(name, "") for name in names}

    def every(self) -> Iterator["Node"]:
        """Yield the node and all below it."""
        yield self
        for child in self.children:
            yield from child.every()


def compile_routes(root: Route) -> Node:
    """Return the tree with everything inherited.

    Args:
        root: Root of the tree as it is written.
    """
    named = (root.group_by, root.group_wait_s, root.group_interval_s, root.repeat_interval_s)
    base = AT_ONCE if all(value is None for value in named) else ALERTMANAGER
    return _compile(root, "", root.receiver or "", base, None)


def matching(node: Node, labels: Mapping[str, str]) -> Iterator[Node]:
    """Yield the routes of an alert in the order of the tree.

    The first child that matches wins; with `continue` its later siblings are tried, too. A node of
    which a child matched does not tell its own receiver as well.
    """
    matched = False
    for child in node.children:
        if all_match(child.matchers, labels):
            matched = True
            yield from matching(child, labels)
            if not child.goes_on:
                break
    if not matched:
        yield node


def receivers_of(route: Route, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the receivers of an alert, each once, in the order of the tree."""
    return tuple(dict.fromkeys(node.receiver for node in matching(compile_routes(route), labels)))


def _compile(
    route: Route, above: str, receiver: str, rhythm: Rhythm, escalation: str | None
) -> Node:
    identity = f"{above}/{{{','.join(str(matcher) for matcher in route.matchers)}}}"
    receiver = route.receiver or receiver
    escalation = route.escalation or escalation
    rhythm = Rhythm(
        rhythm.group_by if route.group_by is None else route.group_by,
        rhythm.wait_s if route.group_wait_s is None else route.group_wait_s,
        rhythm.interval_s if route.group_interval_s is None else route.group_interval_s,
        rhythm.repeat_s if route.repeat_interval_s is None else route.repeat_interval_s,
    )
    return Node(
        identity, receiver, route.matchers, route.goes_on, rhythm, route.mute_time_intervals,
        route.active_time_intervals, escalation,
        tuple(_compile(child, identity, receiver, rhythm, escalation) for child in route.routes),
    )  # fmt: skip
