"""Which definitions a report rests on, and the version of each.

Belongs here: their names, models and pages, and reading the versions that a snapshot carries.
Does not belong here: definitions (the models own them), how a version is found (see
`cbcr_assets.steps.definitions`).
"""

import json
from dataclasses import dataclass

import polars as pl

from cbcr_assets.reports.compliance.columns import typed
from cbcr_assets.warehouse import Session

UNKNOWN = "unknown"
SETTING = "definitions"
"""Where `state.settings` keeps the versions that the last build used."""


@dataclass(frozen=True)
class Definition:
    """One definition.

    Attributes:
        name: What it defines.
        model: The dbt model that computes it.
        page: Where people read it.
    """

    name: str
    model: str
    page: str


DEFINITIONS = (
    Definition("instances", "dim_instances", "docs/inventory.md"),
    Definition(
        "RPO compliance", "int_rpo_steps", "docs/definitions.md#exposure-and-rpo-compliance"
    ),
    Definition(
        "violations and causes",
        "fct_rpo_violations",
        "docs/definitions.md#exposure-and-rpo-compliance",
    ),
    Definition(
        "fleet figures", "fct_rpo_fleet_daily", "docs/definitions.md#exposure-and-rpo-compliance"
    ),
    Definition("backup success", "fct_backup_success_daily", "docs/definitions.md#success"),
    Definition("restores and RTO", "fct_restore_drills", "docs/definitions.md#restore-time-rto"),
)


def definitions_of(session: Session) -> pl.DataFrame:
    """Return the definitions with the versions that a snapshot was built with.

    Args:
        session: An open snapshot; one that carries no versions gives `unknown`.

    Returns:
        name, value (`sha256:` and digits, or `unknown`), reason (the page).
    """
    found = session.query("select value from state.settings where name = $name", {"name": SETTING})
    versions = {} if found.is_empty() else json.loads(found.item())
    rows = [(d.name, versions.get(d.model) or UNKNOWN, d.page) for d in DEFINITIONS]
    frame = pl.DataFrame(rows, schema=["name", "value", "reason"], orient="row")
    return typed("definition", frame)
