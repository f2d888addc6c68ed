"""The versions of the definitions in force: what a report says its numbers were made with.

Belongs here: finding everything that a model rests on, and a hash over it; keeping that in the
warehouse when models are built. Does not belong here: which definitions a report names (see
`cbcr_assets.reports.compliance.definitions`).

A snapshot carries the versions that it was built with, so a report tells them even after CBCR was
upgraded.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cbcr_assets.reports.compliance.definitions import DEFINITIONS, SETTING
from cbcr_assets.steps.platform import DBT_PROJECT
from cbcr_assets.warehouse.base import Session
from cbcr_assets.warehouse.stored import keep_setting

_REF = re.compile(r"""(?:ref\(|intermediate\.|staging\.|marts\.)\s*['"]?(\w+)""")
_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)")
_WORD = re.compile(r"\b(\w+)\s*\(")


@dataclass(frozen=True)
class _Source:
    """What a project defines: files of models by name, files of macros by the macro's name."""

    models: Mapping[str, Path]
    macros: Mapping[str, Path]


def sync_definitions(session: Session) -> None:
    """Keep the versions of today's definitions in the warehouse that is about to be built."""
    keep_setting(session, SETTING, json.dumps(_versions(DBT_PROJECT), sort_keys=True))


@cache
def _versions(project: Path) -> dict[str, str | None]:
    return {d.model: definition_version(project, d.model) for d in DEFINITIONS}


def definition_version(project: Path, model: str) -> str | None:
    """Return a hash over a model and all models and macros that it rests on.

    Args:
        project: Folder of a dbt project.
        model: Name of a model.

    Returns:
        `sha256:` and hexadecimal digits; None: there is no such model.
    """
    source = _source(project)
    if model not in source.models:
        return None
    found: dict[Path, str] = {}
    wanted = [source.models[model]]
    while wanted:
        path = wanted.pop()
        if path in found:
            continue
        text = path.read_text(encoding="utf-8")
        found[path] = text
        wanted += [source.models[name] for name in _REF.findall(text) if name in source.models]
        wanted += [source.macros[name] for name in _WORD.findall(text) if name in source.macros]
    found[project / "dbt_project.yml"] = (project / "dbt_project.yml").read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(f"{path.relative_to(project).as_posix()}\n{found[path]}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _source(project: Path) -> _Source:
    models = {path.stem: path for path in (project / "models").rglob("*.sql")}
    macros = {
        name: path
        for path in sorted((project / "macros").rglob("*.sql"))
        for name in _MACRO.findall(path.read_text(encoding="utf-8"))
    }
    return _Source(models, macros)
