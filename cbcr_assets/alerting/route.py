"""The route tree: who is told about an alert with given labels. Pure.

Belongs here: Alertmanager's meaning of `routes` and `continue`.
Does not belong here: the file it is read from (see `cbcr_assets.config.alerting`).
"""

from collections.abc import Iterator, Mapping

from cbcr_assets.config.alerting import Route


def receivers_of(route: Route, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the receivers of an alert, each once, in the order of the tree.

    The first child that matches wins; with `continue` its later siblings are tried, too. A node of
    which a child matched does not tell its own receiver as well.

    Args:
        route: Root of the tree.
        labels: Labels of the alert.
    """
    return tuple(dict.fromkeys(_visit(route, route.receiver or "", labels)))


def _visit(node: Route, receiver: str, labels: Mapping[str, str]) -> Iterator[str]:
    matched = False
    for child in node.routes:
        if not all(matcher.matches(labels) for matcher in child.matchers):
            continue
        matched = True
        yield from _visit(child, child.receiver or receiver, labels)
        if not child.goes_on:
            break
    if not matched:
        yield receiver
