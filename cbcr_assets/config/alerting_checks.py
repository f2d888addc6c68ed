"""What joins several keys of alerting.yaml: references, and routes that can never be taken.

Belongs here: those checks, each with place and suggestion. Does not belong here: single values.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cbcr_assets.config.matchers import Matcher
from cbcr_assets.config.problems import Document, KeyPath, Problem, closest
from cbcr_assets.config.routing import Route

if TYPE_CHECKING:
    from cbcr_assets.config.alerting import PolicyFile


def check_names(document: Document, model: "PolicyFile") -> Iterator[Problem]:
    """Find names that are taken twice, and names that nobody has."""
    receivers = [receiver.name for receiver in model.receivers]
    yield from _twice(document, "receivers", "receiver", receivers)
    intervals = [interval.name for interval in model.time_intervals]
    yield from _twice(document, "time_intervals", "time interval", intervals)
    chains = [chain.name for chain in model.escalations]
    yield from _twice(document, "escalations", "escalation", chains)
    if model.fallback is not None:
        yield from _unknown(document, ("fallback",), "receiver", model.fallback, receivers)
    for index, maintenance in enumerate(model.maintenance):
        for at, name in enumerate(maintenance.time_intervals):
            where: KeyPath = ("maintenance", index, "time_intervals", at)
            yield from _unknown(document, where, "time interval", name, intervals)
        if maintenance.start and maintenance.end and maintenance.end <= maintenance.start:
            message = "the maintenance ends before it begins"
            yield document.problem(("maintenance", index, "end"), message)
    yield from _chains(document, model, receivers)


def check_routes(document: Document, model: "PolicyFile") -> Iterator[Problem]:
    """Find faults of the route tree."""
    root: KeyPath = ("route",)
    if model.route.receiver is None:
        yield document.problem(root, "the root route needs a receiver, or alerts could be dropped")
    if model.route.matchers:
        yield document.problem((*root, "matchers"), "the root route takes everything")
    if model.route.goes_on:
        yield document.problem((*root, "continue"), "the root route has no siblings")
    for key in ("mute_time_intervals", "active_time_intervals"):
        if getattr(model.route, key):
            message = "the root route is never muted, or alerts could be dropped"
            yield document.problem((*root, key), message)
    yield from _references(document, model, root, model.route)
    yield from _unreachable(document, model.route, root, ())


def _twice(document: Document, key: str, what: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            line = document.line((key, names.index(name), "name"))
            message = f"{what} {name!r} is defined twice, first in line {line}"
            yield document.problem((key, index, "name"), message)


def _unknown(
    document: Document, where: KeyPath, what: str, name: str, known: Sequence[str]
) -> Iterator[Problem]:
    if name not in known:
        yield document.problem(where, f"unknown {what} {name!r}", closest(name, known))


def _chains(document: Document, model: "PolicyFile", receivers: Sequence[str]) -> Iterator[Problem]:
    as_list = isinstance(document.data["escalations"], list) if model.escalations else True
    for index, chain in enumerate(model.escalations):
        where: KeyPath = ("escalations", index if as_list else chain.name, "steps")
        last = -1.0
        for at, step in enumerate(chain.steps):
            here = (*where, at)
            yield from _unknown(document, (*here, "receiver"), "receiver", step.receiver, receivers)
            if step.after_s <= last:
                yield document.problem((*here, "after"), "each step must come after the one before")
            last = step.after_s


def _references(
    document: Document, model: "PolicyFile", path: KeyPath, route: Route
) -> Iterator[Problem]:
    receivers = [receiver.name for receiver in model.receivers]
    if route.receiver is not None:
        yield from _unknown(document, (*path, "receiver"), "receiver", route.receiver, receivers)
    chains = [chain.name for chain in model.escalations]
    if route.escalation is not None:
        where = (*path, "escalation")
        yield from _unknown(document, where, "escalation", route.escalation, chains)
    intervals = [interval.name for interval in model.time_intervals]
    for key in ("mute_time_intervals", "active_time_intervals"):
        for at, name in enumerate(getattr(route, key)):
            yield from _unknown(document, (*path, key, at), "time interval", name, intervals)
    for index, child in enumerate(route.routes):
        yield from _references(document, model, (*path, "routes", index), child)


def _unreachable(
    document: Document, route: Route, path: KeyPath, above: tuple[Matcher, ...]
) -> Iterator[Problem]:
    """Find children that an earlier sibling always takes, and those that nothing can match."""
    for index, child in enumerate(route.routes):
        here: KeyPath = (*path, "routes", index)
        earlier = _shadow(route.routes[:index], (*above, *child.matchers))
        if earlier is not None:
            line = document.line((*path, "routes", earlier))
            message = (
                f"this route is never taken: the route in line {line} takes all of it before;"
                " put this one first, or let that one go on"
            )
            yield document.problem(here, message, "continue: true")
        elif (against := _contradiction(child.matchers, above)) is not None:
            one, other = against
            message = f"this route is never taken: {one} cannot hold together with {other}"
            yield document.problem((*here, "matchers"), message)
        yield from _unreachable(document, child, here, (*above, *child.matchers))


def _shadow(siblings: Sequence[Route], matchers: tuple[Matcher, ...]) -> int | None:
    for index, sibling in enumerate(siblings):
        takes_all = all(matcher.is_implied_by(matchers) for matcher in sibling.matchers)
        if takes_all and not sibling.goes_on:
            return index
    return None


def _contradiction(
    matchers: Iterable[Matcher], above: Iterable[Matcher]
) -> tuple[Matcher, Matcher] | None:
    every = [*matchers, *above]
    for one in every:
        for other in every:
            same = one.label == other.label and one.operator == "="
            if same and not other.matches({one.label: one.value}):
                return one, other
    return None
