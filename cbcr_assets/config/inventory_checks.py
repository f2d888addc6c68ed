"""Rules of the inventory that join instances, tiers and sources.

Belongs here: references, doubles and missing objectives, found in the raw data of a document.
Does not belong here: what a single value may be (see inventory and values).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cbcr_assets.config.document import Document, KeyPath, Problem, closest
from cbcr_assets.config.main import SourceConfig
from cbcr_assets.config.values import moment

_WITHOUT_TABLE = range(1, 10)


def tier_named(wanted: Any, numbers: Mapping[str, Any]) -> str | None:
    """Return the tier that an instance means by a name or a number, None where there is none.

    Args:
        wanted: What the instance says.
        numbers: Number of each tier by its name.
    """
    if wanted is None:
        return None
    if str(wanted) in numbers:
        return str(wanted)
    return next((name for name, number in numbers.items() if number == wanted), None)


def double_problems(document: Document) -> Iterator[Problem]:
    """Find instances that are written twice."""
    seen: dict[str, KeyPath] = {}
    for path, instance_id in document.find("instances", ..., "id"):
        if not isinstance(instance_id, str):
            continue
        first = seen.setdefault(instance_id, path)
        if first != path:
            message = f"instance {instance_id!r} is in line {document.line(first)} already"
            yield document.problem(path, message)


def tier_problems(document: Document) -> Iterator[Problem]:
    """Find tiers that do not exist, and numbers that several tiers have."""
    numbers = _tiers(document)
    for path, wanted in (*document.find("defaults", "tier"), *_of_instances(document, "tier")):
        if isinstance(wanted, bool) or not isinstance(wanted, (str, int)):
            continue
        if str(wanted) in numbers:
            continue
        if isinstance(wanted, int):
            yield from _number_problems(document, path, wanted, numbers)
            continue
        names = sorted(numbers)
        there = f"there are {', '.join(names)}" if names else "there are none, only numbers 1 to 9"
        message = f"no tier {wanted!r}; {there}"
        yield document.problem(path, message, closest(wanted, names))


def _number_problems(
    document: Document, path: KeyPath, wanted: int, numbers: Mapping[str, Any]
) -> Iterator[Problem]:
    names = [name for name, number in numbers.items() if number == wanted]
    if len(names) > 1:
        message = f"{' and '.join(names)} are both tier {wanted}; write the name"
        yield document.problem(path, message)
    elif numbers and not names:
        listed = ", ".join(f"{number} ({name})" for name, number in numbers.items())
        yield document.problem(path, f"no tier {wanted}; there are {listed}")
    elif not numbers and wanted not in _WITHOUT_TABLE:
        yield document.problem(path, f"a tier is a number from 1 to 9, not {wanted}")


def objective_problems(document: Document) -> Iterator[Problem]:
    """Find instances without an objective, and those that retire before they are protected."""
    numbers = _tiers(document)
    for path, item in document.find("instances", ...):
        if not isinstance(item, dict) or not isinstance(path[-1], int):
            continue
        wanted = item.get("tier", document.get(("defaults", "tier")))
        name = tier_named(wanted, numbers)
        if name is None and (isinstance(wanted, str) or (wanted is not None and numbers)):
            continue  # an unknown tier is told about already; its rpo may be what is missing
        layers = [item, document.get(("tiers", name)) if name else {}, document.get(("defaults",))]
        if _written(layers, "rpo") is None:
            message = "no rpo: say here, in its tier or in defaults how much may be lost"
            yield document.problem((*path, "rpo"), message)
        begin, end = _moment(_written(layers, "protect_from")), _moment(item.get("retired_at"))
        if begin is not None and end is not None and end <= begin:
            message = f"must be later than protect_from, {begin.isoformat()}Z"
            yield document.problem((*path, "retired_at"), message)


def alias_problems(document: Document, sources: Mapping[str, SourceConfig]) -> Iterator[Problem]:
    """Find aliases of unknown sources, and names that mean two instances or are written twice."""
    ids = {value: path for path, value in document.find("instances", ..., "id")}
    seen: dict[tuple[str, str], KeyPath] = {}
    for path, alias in document.find("instances", ..., "aliases", ...):
        source, name = (
            (alias.get("source"), alias.get("name")) if isinstance(alias, dict) else (None, None)
        )
        if not isinstance(source, str) or not isinstance(name, str) or not (source and name):
            continue
        if source not in sources:
            known = sorted(sources)
            message = f"no source {source!r} in cbcr.yaml; there are {', '.join(known) or 'none'}"
            yield document.problem((*path, "source"), message, closest(source, known))
            continue
        first = seen.setdefault((source, name), path)
        if first != path:
            message = f"{source}'s name {name!r} is in line {document.line(first)} already"
            yield document.problem((*path, "name"), message)
        other = ids.get(name) if sources[source].names_are_instance_ids else None
        if other is not None and other[:2] != path[:2]:
            message = (
                f"{source} uses the ids of the inventory, and {name!r} is the instance of line"
                f" {document.line(other)}"
            )
            yield document.problem((*path, "name"), message)


def _tiers(document: Document) -> dict[str, Any]:
    found = document.find("tiers", ...)
    return {str(p[-1]): t.get("tier") for p, t in found if isinstance(t, dict)}


def _of_instances(document: Document, key: str) -> Iterator[tuple[KeyPath, Any]]:
    return document.find("instances", ..., key)


def _written(layers: list[Any], key: str) -> Any:
    """Return the value of the first layer that has the key."""
    return next((layer[key] for layer in layers if isinstance(layer, dict) and key in layer), None)


def _moment(value: Any) -> datetime | None:
    try:
        return moment(value)
    except ValueError:
        return None
